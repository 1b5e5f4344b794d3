-- What a version that knew the first migration had written by 02:15 on Monday, October 19, 2026: a completed run, a
-- run that was interrupted while it created invoices, and every status of users, methods and invoices.
-- The last digit of a user's number says what is special about the user.
insert into users (external_id, email, name, status, balance_cents, previous_invoices, joined_at, updated_at)
select 'user-' || n, 'user-' || n || '@example.com', 'User ' || n, case n % 10 when 8 then 'closed' when 9 then 'suspended' else 'active' end,
  case n % 10 when 7 then 5000 else 15000 + n end, case when n % 3 = 0 then 0 else 2 end, '2025-01-31Z', '2026-09-20Z'
from generate_series(1, 60) n;

insert into ledger_entries (user_id, kind, amount_cents, note, actor, created_at)
select id, 'credit', balance_cents, 'opening balance', 'cli:ops', '2026-09-20Z' from users;

insert into audit_log (at, actor, action, object, after, request_id)
select '2026-09-20Z', 'cli:ops', 'user.create', 'user:' || id, to_jsonb(users), 'import:1' from users;

insert into payment_methods (user_id, binance_email, status, reviewed_by, reviewed_at, reason, created_at)
select id, 'old-' || id || '@pay.example.com', 'replaced', 'cli:ops', '2026-09-20Z', null, '2026-09-20Z' from users where id % 10 = 4;
insert into payment_methods (user_id, binance_email, status, reviewed_by, reviewed_at, reason, created_at)
select id, 'user-' || id || '@pay.example.com', case id % 10 when 5 then 'rejected' when 6 then 'pending' else 'approved' end,
  case when id % 10 <> 6 then 'cli:ops' end, case when id % 10 <> 6 then timestamptz '2026-09-21Z' end,
  case when id % 10 = 5 then 'bounced' end, '2026-09-21Z'
from users;

insert into scheduler (live_since, last_tick_at) values ('2026-09-22Z', '2026-10-19 02:10Z');

-- The steps of a run, as its statements did them.
create function pg_temp.decide(run bigint, which text) returns void language sql as $$
  insert into run_decisions (run_id, user_id, decision, reason, balance_cents, outcome)
  select run, id, case when reason is null then 'pay' else 'skip' end, reason, balance_cents,
    case when reason is null then 'open' else 'skipped' end
  from (
    select u.id, u.balance_cents, case
      when u.status <> 'active' then 'inactive'
      when u.balance_cents < 10000 then 'below-minimum'
      when not exists (select from payment_methods m where m.user_id = u.id and m.status = 'approved') then 'no-approved-method'
      when which = 'mid-month' and u.previous_invoices + u.invoice_count = 0 then 'first-time-waits' end as reason
    from users u where u.balance_cents > 0
  ) judged
$$;
create function pg_temp.invoice(run bigint, first bigint, last bigint, at timestamptz) returns void language sql as $$
  with settled as (
    update run_decisions d set outcome = 'invoiced', invoice_id = nextval('invoices_id_seq'), settled_at = at
    from payment_runs r, payment_methods m
    where d.run_id = run and r.id = run and d.outcome = 'open' and d.user_id between first and last
      and m.user_id = d.user_id and m.status = 'approved'
    returning d.user_id, d.invoice_id, d.balance_cents, r.payment_date, m.binance_email,
      'INV-' || to_char(r.payment_date, 'YYYYMMDD') || '-' || d.user_id as number
  ), invoice as (
    insert into invoices (id, number, user_id, run_id, payment_date, amount_cents, currency, destination, created_at)
    overriding system value
    select invoice_id, number, user_id, run, payment_date, balance_cents, 'USD', binance_email, at from settled
  ), entry as (
    insert into ledger_entries (user_id, kind, amount_cents, invoice_id, actor, created_at)
    select user_id, 'invoice', -balance_cents, invoice_id, 'system', at from settled
  ), taken as (
    update users u set balance_cents = u.balance_cents - s.balance_cents, invoice_count = u.invoice_count + 1, updated_at = at
    from settled s where u.id = s.user_id
  )
  insert into audit_log (at, actor, action, object, after)
  select at, 'system', 'invoice.create', 'invoice:' || number, jsonb_build_object('run', run, 'user', user_id) from settled
$$;
-- Keys had no owner, and the entries keep none; the migration `key_owners` demands one of new entries only.
alter table ledger_entries drop constraint if exists ledger_entries_key_has_owner;
create function pg_temp.credit(every int, cents bigint, entry_kind text, key text, at timestamptz) returns void language sql as $$
  with entry as (
    insert into ledger_entries (user_id, kind, amount_cents, idempotency_key, note, actor, created_at)
    select id, entry_kind, cents, key || '-' || id, 'conversion', 'cli:ops', at from users where id % every = 0
    returning user_id, idempotency_key
  ), changed as (
    update users u set balance_cents = u.balance_cents + cents, updated_at = at from entry e where u.id = e.user_id
  )
  insert into audit_log (at, actor, action, object, after)
  select at, 'cli:ops', case entry_kind when 'credit' then 'user.credit' else 'user.adjust' end, 'user:' || user_id,
    jsonb_build_object('key', idempotency_key) from entry
$$;

insert into payment_runs (payment_date, kind, trigger, minimum_balance_cents, policy, opened_by, opened_at)
values ('2026-10-05', 'first-monday', 'schedule', 10000,
  '{"timeZone": "UTC", "tickCron": "0 2 * * *", "minimumBalance": "100.00", "catchUpDays": 7}', 'system', '2026-10-05 02:00Z');
select pg_temp.decide(1, 'first-monday');
select pg_temp.invoice(1, 1, 60, '2026-10-05 02:00:05Z');
update payment_runs set state = 'completed', decide_cursor = 60, fan_out_cursor = 60, decided_at = '2026-10-05 02:00:02Z',
  fanned_out_at = '2026-10-05 02:00:04Z', completed_at = '2026-10-05 02:00:09Z';

-- Reviewed: 1 and 4 paid, 2 rejected and returned, 3 rejected and forfeited; 0 stays pending.
update invoices set status = case when user_id % 10 in (1, 4) then 'paid' else 'rejected' end, reviewed_by = 'cli:finance',
  reviewed_at = '2026-10-06Z', reason = case when user_id % 10 in (2, 3) then 'bounced' end,
  disposition = case user_id % 10 when 2 then 'return' when 3 then 'forfeit' end
where user_id % 10 in (1, 2, 3, 4);
insert into ledger_entries (user_id, kind, amount_cents, invoice_id, note, actor, created_at)
select user_id, 'invoice-reversal', amount_cents, id, 'bounced', 'cli:finance', '2026-10-06Z' from invoices where disposition = 'return';
update users u set balance_cents = u.balance_cents + i.amount_cents from invoices i where i.user_id = u.id and i.disposition = 'return';
insert into audit_log (at, actor, action, object, before, after)
select '2026-10-06Z', 'cli:finance', case status when 'paid' then 'invoice.pay' else 'invoice.reject' end, 'invoice:' || number,
  '{"status": "pending"}', jsonb_build_object('status', status) from invoices where status <> 'pending';

select pg_temp.credit(2, 12000, 'credit', 'conversion', '2026-10-12Z');
-- Users 25 and 50 owe the network something.
select pg_temp.credit(25, -60000, 'adjustment', 'clawback', '2026-10-13Z');

insert into payment_runs (payment_date, kind, trigger, minimum_balance_cents, policy, opened_by, opened_at)
values ('2026-10-19', 'mid-month', 'schedule', 10000,
  '{"timeZone": "UTC", "tickCron": "0 2 * * *", "minimumBalance": "100.00", "catchUpDays": 7}', 'system', '2026-10-19 02:00Z');
select pg_temp.decide(2, 'mid-month');
select pg_temp.invoice(2, 1, 20, '2026-10-19 02:00:05Z');
update run_decisions set outcome = 'failed', error = 'no luck', settled_at = '2026-10-19 02:00:06Z'
where run_id = 2 and outcome = 'open' and user_id <= 30;
update payment_runs set state = 'processing', decide_cursor = 60, fan_out_cursor = 60, decided_at = '2026-10-19 02:00:02Z',
  fanned_out_at = '2026-10-19 02:00:04Z' where id = 2;
