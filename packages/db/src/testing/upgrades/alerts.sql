-- What the alerts add.
update scheduler set alerting_since = '2026-10-01Z', last_alerting_tick_at = '2026-10-19 02:10Z';
insert into alerts (key, event, payment_date, raised_at) values ('run-finished:2026-10-05:0', 'run-finished', '2026-10-05', '2026-10-05 02:05Z');
insert into alert_deliveries (alert_id, channel, state, attempts, settled_at) values (1, 'email', 'sent', 1, '2026-10-05 02:05:01Z');
insert into alert_deliveries (alert_id, channel, state, attempts, error, settled_at)
values (1, 'webhook', 'failed', 14, 'it did not answer', '2026-10-05 12:00Z');
