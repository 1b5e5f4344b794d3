-- What a second person for changes of access adds.
update api_tokens set creator_id = 1 where name = 'conversions';
insert into guarded_changes (kind, object, wanted, seen, requested_by, requested_at)
values ('settings', 'settings', '{"twoPersonAboveCents": null}', '{"twoPersonAboveCents": "10000"}', 1, '2026-10-19 02:00Z');
