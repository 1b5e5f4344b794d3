-- What is stored about the schedule, and about who decided a status.
update scheduler set live_from = '2026-09-22', schedule_pattern = '0 2 * * *', schedule_time_zone = 'UTC', schedule_since = '2026-09-22Z',
  schedule_seen_at = '2026-10-19 02:10Z';
update users set status_by_hand = true where id = 11;
