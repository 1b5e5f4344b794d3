-- What owners of idempotency keys add: a token that replaces another one, and an entry with an owner.
alter table ledger_entries add constraint ledger_entries_key_has_owner check ((idempotency_key is null) = (key_owner is null)) not valid;
insert into api_tokens (name, token_hash, scopes, created_at, created_by, expires_at, replaces_id, key_owner_id)
values ('conversions-2', 'token-3', '{credits:write}', '2026-10-16Z', 'ada@example.com', '2027-09-20Z', 1, 1);
with entry as (
  insert into ledger_entries (user_id, kind, amount_cents, idempotency_key, key_owner, note, actor, created_at)
  select id, 'credit', 100, 'sent-2', 'token:1', 'conversion', 'token:conversions-2', '2026-10-16Z' from users where id = 9
), changed as (
  update users set balance_cents = balance_cents + 100 where id = 9
)
insert into audit_log (at, actor, action, object, after, request_id)
values ('2026-10-16Z', 'token:conversions-2', 'user.credit', 'user:9', '{"key": "sent-2"}', 'r-3');
