CREATE TABLE "guarded_changes" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "guarded_changes_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"kind" text NOT NULL,
	"object" text NOT NULL,
	"wanted" jsonb NOT NULL,
	"seen" jsonb NOT NULL,
	"requested_by" bigint NOT NULL,
	"requested_at" timestamp with time zone NOT NULL,
	"announced_at" timestamp with time zone,
	"status" text DEFAULT 'waiting' NOT NULL,
	"decided_by" text,
	"decided_at" timestamp with time zone,
	"stop_reason" text,
	CONSTRAINT "guarded_changes_kind_known" CHECK ("guarded_changes"."kind" in ('settings', 'create-admin', 'change-admin', 'reset-password', 'remove-second-factor')),
	CONSTRAINT "guarded_changes_status_known" CHECK ("guarded_changes"."status" in ('waiting', 'applied', 'stopped')),
	CONSTRAINT "guarded_changes_object" CHECK (("guarded_changes"."kind" = 'settings') = ("guarded_changes"."object" = 'settings')),
	CONSTRAINT "guarded_changes_decided" CHECK (num_nulls("guarded_changes"."decided_by", "guarded_changes"."decided_at") = case "guarded_changes"."status" when 'waiting' then 2 else 0 end),
	CONSTRAINT "guarded_changes_stop_reason" CHECK (("guarded_changes"."status" = 'stopped') = ("guarded_changes"."stop_reason" is not null)),
	CONSTRAINT "guarded_changes_stop_reason_known" CHECK ("guarded_changes"."stop_reason" in ('stopped-by-administrator', 'requester-lost-rights', 'object-changed', 'expired'))
);
--> statement-breakpoint
ALTER TABLE "alerts" DROP CONSTRAINT "alerts_event_known";--> statement-breakpoint
ALTER TABLE "admins" ADD COLUMN "must_change_password" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "admins" ADD COLUMN "empowered_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "api_tokens" ADD COLUMN "creator_id" bigint;--> statement-breakpoint
ALTER TABLE "guarded_changes" ADD CONSTRAINT "guarded_changes_requested_by_admins_id_fk" FOREIGN KEY ("requested_by") REFERENCES "public"."admins"("id") ON DELETE restrict ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "guarded_changes_one_waiting" ON "guarded_changes" USING btree ("kind","object") WHERE "guarded_changes"."status" = 'waiting';--> statement-breakpoint
ALTER TABLE "api_tokens" ADD CONSTRAINT "api_tokens_creator_id_admins_id_fk" FOREIGN KEY ("creator_id") REFERENCES "public"."admins"("id") ON DELETE restrict ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "alerts" ADD CONSTRAINT "alerts_event_known" CHECK ("alerts"."event" in ('run-finished', 'run-cancelled', 'date-missed', 'review-overdue', 'tick-failed', 'sign-ins-failed', 'sign-in-from-new-address', 'change-waits', 'admin-created', 'admin-changed', 'credentials-changed', 'rule-relaxed', 'token-created'));--> statement-breakpoint
-- Written by hand from here on. Changes stay, since the audit log refers to them.
CREATE TRIGGER "guarded_changes_kept" BEFORE DELETE OR TRUNCATE OR UPDATE OF id ON "guarded_changes"
  FOR EACH STATEMENT EXECUTE FUNCTION "refuse_removal"();
--> statement-breakpoint
-- A token belongs to the administrator who created it, if one did.
UPDATE "api_tokens" t SET "creator_id" = a.id FROM "admins" a WHERE a.email = t.created_by;
--> statement-breakpoint
-- No e-mail address has a colon outside of quotation marks, so an administrator with one is named like a program of the audit
-- log (`token:NAME`). Such an account is disabled; it stays, since the audit log refers to it.
WITH "misnamed" AS (
  UPDATE admins SET disabled_at = now() WHERE position(':' in email) > 0 AND disabled_at IS NULL RETURNING id, email, role
), "ended" AS (
  UPDATE admin_sessions s SET ended_at = now() FROM misnamed m WHERE s.admin_id = m.id AND s.ended_at IS NULL
)
INSERT INTO audit_log (at, actor, action, object, reason, before, after)
SELECT now(), 'system', 'admin.change', 'admin:' || email, 'the name has a colon, as only the names of programs have',
  jsonb_build_object('role', role, 'isDisabled', false), jsonb_build_object('role', role, 'isDisabled', true)
FROM misnamed;
--> statement-breakpoint
ALTER TABLE "admins" ADD CONSTRAINT "admins_email_no_colon" CHECK (position(':' in "admins"."email") = 0 or "admins"."disabled_at" is not null);
