CREATE TABLE "admin_sessions" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "admin_sessions_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"admin_id" bigint NOT NULL,
	"token_hash" text NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"last_seen_at" timestamp with time zone NOT NULL,
	"confirmed_at" timestamp with time zone NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"ended_at" timestamp with time zone,
	"client_address" text NOT NULL,
	"user_agent" text NOT NULL,
	CONSTRAINT "admin_sessions_token" UNIQUE("token_hash")
);
--> statement-breakpoint
CREATE TABLE "admins" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "admins_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"email" text NOT NULL,
	"role" text NOT NULL,
	"password_hash" text NOT NULL,
	"totp_secret" text,
	"totp_last_step" bigint DEFAULT 0 NOT NULL,
	"recovery_hashes" text[] DEFAULT '{}' NOT NULL,
	"disabled_at" timestamp with time zone,
	"created_at" timestamp with time zone NOT NULL,
	"created_by" text NOT NULL,
	CONSTRAINT "admins_email" UNIQUE("email"),
	CONSTRAINT "admins_email_lower_case" CHECK ("admins"."email" = lower("admins"."email") and "admins"."email" <> ''),
	CONSTRAINT "admins_role_known" CHECK ("admins"."role" in ('viewer', 'operator', 'admin'))
);
--> statement-breakpoint
CREATE TABLE "api_tokens" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "api_tokens_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"name" text NOT NULL,
	"token_hash" text NOT NULL,
	"scopes" text[] NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"created_by" text NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"last_used_at" timestamp with time zone,
	"revoked_at" timestamp with time zone,
	CONSTRAINT "api_tokens_name" UNIQUE("name"),
	CONSTRAINT "api_tokens_token" UNIQUE("token_hash"),
	CONSTRAINT "api_tokens_name_given" CHECK ("api_tokens"."name" <> ''),
	CONSTRAINT "api_tokens_scopes_given" CHECK (cardinality("api_tokens"."scopes") > 0)
);
--> statement-breakpoint
CREATE TABLE "settings" (
	"id" smallint PRIMARY KEY DEFAULT 1 NOT NULL,
	"two_person_above_cents" bigint,
	"cooling_off_days" integer DEFAULT 0 NOT NULL,
	"review_alert_days" integer DEFAULT 3 NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	"updated_by" text NOT NULL,
	CONSTRAINT "settings_one_row" CHECK ("settings"."id" = 1),
	CONSTRAINT "settings_two_person_not_negative" CHECK ("settings"."two_person_above_cents" >= 0),
	CONSTRAINT "settings_cooling_off_days" CHECK ("settings"."cooling_off_days" between 0 and 365),
	CONSTRAINT "settings_review_alert_days" CHECK ("settings"."review_alert_days" between 0 and 365)
);
--> statement-breakpoint
CREATE TABLE "decision_tallies" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "decision_tallies_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"run_id" bigint NOT NULL,
	"outcome" text NOT NULL,
	"reason" text,
	"users" integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE "invoice_tallies" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "invoice_tallies_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"run_id" bigint NOT NULL,
	"status" text NOT NULL,
	"invoices" integer NOT NULL,
	"amount_cents" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "throttles" (
	"key" text PRIMARY KEY NOT NULL,
	"tries" integer NOT NULL,
	"window_ends_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "run_decisions" DROP CONSTRAINT "run_decisions_reason_known";--> statement-breakpoint
DROP INDEX "invoices_run_idx";--> statement-breakpoint
ALTER TABLE "audit_log" ADD COLUMN "client_address" text;--> statement-breakpoint
ALTER TABLE "invoices" ADD COLUMN "approved_by" text;--> statement-breakpoint
ALTER TABLE "invoices" ADD COLUMN "approved_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "payment_runs" ADD COLUMN "cooling_off_days" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "payment_runs" ADD COLUMN "cancelled_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "admin_sessions" ADD CONSTRAINT "admin_sessions_admin_id_admins_id_fk" FOREIGN KEY ("admin_id") REFERENCES "public"."admins"("id") ON DELETE restrict ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "admin_sessions_admin_idx" ON "admin_sessions" USING btree ("admin_id","id");--> statement-breakpoint
CREATE INDEX "decision_tallies_run_idx" ON "decision_tallies" USING btree ("run_id");--> statement-breakpoint
CREATE INDEX "invoice_tallies_run_idx" ON "invoice_tallies" USING btree ("run_id");--> statement-breakpoint
CREATE INDEX "audit_log_at_idx" ON "audit_log" USING btree ("at","id");--> statement-breakpoint
CREATE INDEX "audit_log_object_idx" ON "audit_log" USING btree ("object","at","id");--> statement-breakpoint
CREATE INDEX "audit_log_action_idx" ON "audit_log" USING btree ("action","at","id") WHERE "audit_log"."action" not in ('invoice.create', 'decision.skip');--> statement-breakpoint
CREATE INDEX "audit_log_actor_idx" ON "audit_log" USING btree ("actor","at","id") WHERE "audit_log"."actor" <> 'system';--> statement-breakpoint
CREATE INDEX "invoices_status_idx" ON "invoices" USING btree ("status","id");--> statement-breakpoint
CREATE INDEX "invoices_status_amount_idx" ON "invoices" USING btree ("status","amount_cents","id");--> statement-breakpoint
CREATE INDEX "invoices_run_amount_idx" ON "invoices" USING btree ("run_id","status","amount_cents","id");--> statement-breakpoint
CREATE INDEX "payment_methods_status_idx" ON "payment_methods" USING btree ("status","id");--> statement-breakpoint
CREATE INDEX "payment_methods_address_idx" ON "payment_methods" USING btree (lower("binance_email"));--> statement-breakpoint
CREATE INDEX "run_decisions_failed_idx" ON "run_decisions" USING btree ("run_id","user_id") WHERE "run_decisions"."outcome" = 'failed';--> statement-breakpoint
CREATE INDEX "run_decisions_skipped_idx" ON "run_decisions" USING btree ("run_id","reason","user_id") WHERE "run_decisions"."outcome" = 'skipped';--> statement-breakpoint
CREATE INDEX "users_status_idx" ON "users" USING btree ("status","id");--> statement-breakpoint
CREATE INDEX "users_external_id_prefix_idx" ON "users" USING btree ("external_id" text_pattern_ops);--> statement-breakpoint
CREATE INDEX "users_email_prefix_idx" ON "users" USING btree (lower("email") text_pattern_ops);--> statement-breakpoint
CREATE INDEX "users_name_prefix_idx" ON "users" USING btree (lower("name") text_pattern_ops);--> statement-breakpoint
CREATE INDEX "invoices_run_idx" ON "invoices" USING btree ("run_id","status","id");--> statement-breakpoint
ALTER TABLE "invoices" ADD CONSTRAINT "invoices_approved_by" CHECK (("invoices"."approved_by" is null) = ("invoices"."approved_at" is null));--> statement-breakpoint
ALTER TABLE "invoices" ADD CONSTRAINT "invoices_two_people" CHECK ("invoices"."status" <> 'paid' or "invoices"."approved_by" is distinct from "invoices"."reviewed_by");--> statement-breakpoint
ALTER TABLE "payment_runs" ADD CONSTRAINT "payment_runs_cancelled_at" CHECK (("payment_runs"."state" = 'cancelled') = ("payment_runs"."cancelled_at" is not null));--> statement-breakpoint
ALTER TABLE "run_decisions" ADD CONSTRAINT "run_decisions_reason_known" CHECK ("run_decisions"."reason" in ('inactive', 'below-minimum', 'no-approved-method', 'method-in-cooling-off', 'first-time-waits', 'run-cancelled'));--> statement-breakpoint
-- Written by hand from here on: what drizzle-kit does not generate.
INSERT INTO "settings" ("updated_at", "updated_by") VALUES (now(), 'system');
--> statement-breakpoint
INSERT INTO "invoice_tallies" ("run_id", "status", "invoices", "amount_cents")
  SELECT run_id, status, count(*), sum(amount_cents) FROM invoices GROUP BY run_id, status;
--> statement-breakpoint
INSERT INTO "decision_tallies" ("run_id", "outcome", "reason", "users")
  SELECT run_id, outcome, reason, count(*) FROM run_decisions GROUP BY run_id, outcome, reason;
--> statement-breakpoint
-- A row per statement and group, never an update of a counter: workers would wait for each other at it.
CREATE FUNCTION "tally_added_invoices"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO invoice_tallies (run_id, status, invoices, amount_cents)
    SELECT run_id, status, count(*), sum(amount_cents) FROM added GROUP BY run_id, status;
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE FUNCTION "tally_changed_invoices"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO invoice_tallies (run_id, status, invoices, amount_cents)
    SELECT run_id, status, sum(one), sum(one * amount_cents)
    FROM (SELECT run_id, status, amount_cents, -1 AS one FROM replaced UNION ALL SELECT run_id, status, amount_cents, 1 FROM changed) both_sides
    GROUP BY run_id, status HAVING sum(one) <> 0 OR sum(one * amount_cents) <> 0;
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE FUNCTION "tally_added_decisions"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO decision_tallies (run_id, outcome, reason, users)
    SELECT run_id, outcome, reason, count(*) FROM added GROUP BY run_id, outcome, reason;
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE FUNCTION "tally_changed_decisions"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO decision_tallies (run_id, outcome, reason, users)
    SELECT run_id, outcome, reason, sum(one)
    FROM (SELECT run_id, outcome, reason, -1 AS one FROM replaced UNION ALL SELECT run_id, outcome, reason, 1 FROM changed) both_sides
    GROUP BY run_id, outcome, reason HAVING sum(one) <> 0;
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER "invoices_tally_added" AFTER INSERT ON "invoices"
  REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION "tally_added_invoices"();
--> statement-breakpoint
CREATE TRIGGER "invoices_tally_changed" AFTER UPDATE ON "invoices"
  REFERENCING OLD TABLE AS replaced NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION "tally_changed_invoices"();
--> statement-breakpoint
CREATE TRIGGER "run_decisions_tally_added" AFTER INSERT ON "run_decisions"
  REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION "tally_added_decisions"();
--> statement-breakpoint
CREATE TRIGGER "run_decisions_tally_changed" AFTER UPDATE ON "run_decisions"
  REFERENCING OLD TABLE AS replaced NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION "tally_changed_decisions"();
--> statement-breakpoint
CREATE TRIGGER "admins_kept" BEFORE DELETE OR TRUNCATE OR UPDATE OF id ON "admins"
  FOR EACH STATEMENT EXECUTE FUNCTION "refuse_removal"();
