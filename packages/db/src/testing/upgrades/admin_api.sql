-- What the admin API adds: settings, a cancelled run, a first approval, statuses set by hand, administrators.
update settings set two_person_above_cents = 10000, cooling_off_days = 3, updated_at = '2026-10-14Z', updated_by = 'ada@example.com';

insert into payment_runs (payment_date, kind, trigger, state, minimum_balance_cents, cooling_off_days, policy, opened_by, opened_at,
  cancelled_at)
values ('2026-09-21', 'mid-month', 'manual', 'cancelled', 10000, 0,
  '{"timeZone": "UTC", "tickCron": "0 2 * * *", "minimumBalance": "100.00", "catchUpDays": 7}', 'ada@example.com', '2026-09-21 01:00Z',
  '2026-09-21 01:00:03Z');
insert into run_decisions (run_id, user_id, decision, reason, balance_cents, outcome, settled_at)
select 3, id, 'pay', 'run-cancelled', 15000, 'skipped', '2026-09-21 01:00:03Z' from users where id <= 7;

update invoices set approved_by = 'ada@example.com', approved_at = '2026-10-15Z' where run_id = 1 and user_id = 10;

-- An administrator suspended users 11 and 21; a later import activated user 21 again.
update users set status = 'suspended' where id in (11, 21);
insert into audit_log (at, actor, action, object, reason, before, after, request_id, client_address)
select '2026-10-15Z', 'ada@example.com', 'user.status', 'user:' || id, 'fraud', '{"status": "active"}', '{"status": "suspended"}', 'r-1',
  '192.0.2.1' from users where id in (11, 21);
update users set status = 'active' where id = 21;
insert into audit_log (at, actor, action, object, before, after, request_id)
values ('2026-10-16Z', 'cli:ops', 'user.update', 'user:21', '{"status": "suspended"}', '{"status": "active"}', 'import:2');

insert into admins (email, role, password_hash, created_at, created_by) values ('ada@example.com', 'admin', 'hash', '2026-09-20Z', 'cli:ops');
insert into admin_sessions (admin_id, token_hash, created_at, last_seen_at, confirmed_at, expires_at, client_address, user_agent)
values (1, 'session', '2026-10-15Z', '2026-10-15Z', '2026-10-15Z', '2026-10-16Z', '192.0.2.1', 'test');
insert into api_tokens (name, token_hash, scopes, created_at, created_by, expires_at)
values ('conversions', 'token', '{credits:write}', '2026-09-20Z', 'ada@example.com', '2027-09-20Z'),
  ('by-hand', 'token-2', '{credits:write}', '2026-09-20Z', 'cli:ops', '2027-09-20Z');
-- Named like a program, which versions before the migration `people` accepted.
insert into admins (email, role, password_hash, created_at, created_by)
select 'token:conversions@example.com', 'viewer', 'hash', '2026-09-20Z', 'ada@example.com'
where not exists (select from pg_constraint where conname = 'admins_email_no_colon');
insert into throttles (key, tries, window_ends_at) values ('address:192.0.2.1', 3, '2026-10-15 01:00Z');

-- A conversion of a suspended user that a program sent.
with entry as (
  insert into ledger_entries (user_id, kind, amount_cents, idempotency_key, note, actor, created_at)
  select id, 'credit', 100, 'sent', 'conversion', 'token:conversions', '2026-10-16Z' from users where id = 9
), changed as (
  update users set balance_cents = balance_cents + 100 where id = 9
)
insert into audit_log (at, actor, action, object, after, request_id)
values ('2026-10-16Z', 'token:conversions', 'user.credit', 'user:9', '{"key": "sent"}', 'r-2');
