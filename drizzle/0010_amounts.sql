CREATE TABLE "tally_recounts" (
	"number" integer PRIMARY KEY NOT NULL,
	"recounted_at" timestamp with time zone NOT NULL,
	"recounted_by" text NOT NULL
);
--> statement-breakpoint
ALTER TABLE "alerts" DROP CONSTRAINT "alerts_event_known";--> statement-breakpoint
ALTER TABLE "decision_tallies" ALTER COLUMN "users" SET DATA TYPE bigint;--> statement-breakpoint
ALTER TABLE "invoice_tallies" ALTER COLUMN "invoices" SET DATA TYPE bigint;--> statement-breakpoint
ALTER TABLE "invoice_tallies" ALTER COLUMN "amount_cents" SET DATA TYPE numeric;--> statement-breakpoint
ALTER TABLE "scheduler" ADD COLUMN "unfinished_since" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "scheduler" ADD COLUMN "last_success_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "scheduler" ADD COLUMN "failing_since" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "scheduler" ADD COLUMN "last_failure_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "scheduler" ADD COLUMN "failed_steps" text;--> statement-breakpoint
ALTER TABLE "scheduler" ADD COLUMN "failure" text;--> statement-breakpoint
ALTER TABLE "settings" ADD COLUMN "largest_entry_cents" bigint DEFAULT 100000000 NOT NULL;--> statement-breakpoint
ALTER TABLE "settings" ADD COLUMN "largest_balance_cents" bigint DEFAULT 1000000000 NOT NULL;--> statement-breakpoint
ALTER TABLE "alerts" ADD CONSTRAINT "alerts_event_known" CHECK ("alerts"."event" in ('run-finished', 'run-cancelled', 'date-missed', 'review-overdue', 'tick-failed', 'sign-ins-failed', 'sign-in-from-new-address'));--> statement-breakpoint
ALTER TABLE "scheduler" ADD CONSTRAINT "scheduler_failure" CHECK (num_nulls("scheduler"."last_failure_at", "scheduler"."failed_steps", "scheduler"."failure") in (0, 3) and ("scheduler"."failing_since" is null or "scheduler"."last_failure_at" is not null));--> statement-breakpoint
ALTER TABLE "settings" ADD CONSTRAINT "settings_largest_entry" CHECK ("settings"."largest_entry_cents" > 0 and "settings"."largest_entry_cents" between -1000000000000000 and 1000000000000000);--> statement-breakpoint
ALTER TABLE "settings" ADD CONSTRAINT "settings_largest_balance" CHECK ("settings"."largest_balance_cents" > 0 and "settings"."largest_balance_cents" between -1000000000000000 and 1000000000000000);--> statement-breakpoint
-- Written by hand from here on. Ticks recorded their beginning only, until now.
UPDATE "scheduler" SET "last_success_at" = "last_tick_at";
--> statement-breakpoint
-- Balances beyond the ceiling, of which none is real money, are adjusted to it: with one of them the CHECK below could not
-- be added, and the user could be neither suspended nor corrected. The keys are random, so no caller has used them.
WITH "beyond" AS (
  SELECT id, balance_cents, sign(balance_cents)::bigint * 1000000000000000 AS ceiling
  FROM users WHERE balance_cents NOT BETWEEN -1000000000000000 AND 1000000000000000
), "entry" AS (
  INSERT INTO ledger_entries (user_id, kind, amount_cents, idempotency_key, note, actor, created_at)
  SELECT id, 'adjustment', ceiling - balance_cents, 'balance-ceiling:' || gen_random_uuid(), 'beyond the ceiling of balances', 'system', now() FROM beyond
), "audit" AS (
  INSERT INTO audit_log (at, actor, action, object, reason, before, after)
  SELECT now(), 'system', 'user.adjust', 'user:' || id, 'beyond the ceiling of balances',
    jsonb_build_object('balanceCents', balance_cents::text), jsonb_build_object('balanceCents', ceiling::text)
  FROM beyond
)
UPDATE users u SET balance_cents = b.ceiling, updated_at = now() FROM beyond b WHERE u.id = b.id;
--> statement-breakpoint
-- NOT VALID: an entry written before may be larger. It is never changed, and new ones are checked.
ALTER TABLE "ledger_entries" ADD CONSTRAINT "ledger_entries_ceiling" CHECK ("ledger_entries"."amount_cents" between -1000000000000000 and 1000000000000000) NOT VALID;
--> statement-breakpoint
-- Last, because from here on until the migration ends other processes wait for the table of users.
ALTER TABLE "users" ADD CONSTRAINT "users_balance_ceiling" CHECK ("users"."balance_cents" between -1000000000000000 and 1000000000000000);
