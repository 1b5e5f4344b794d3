CREATE TABLE "admin_devices" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "admin_devices_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"admin_id" bigint NOT NULL,
	"token_hash" text NOT NULL,
	"session_id" bigint NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	CONSTRAINT "admin_devices_token" UNIQUE("token_hash","admin_id")
);
--> statement-breakpoint
CREATE TABLE "sign_in_failures" (
	"email" text NOT NULL,
	"hour" timestamp with time zone NOT NULL,
	"failures" integer NOT NULL,
	"audited" integer DEFAULT 0 NOT NULL,
	"client_address" text NOT NULL,
	CONSTRAINT "sign_in_failures_pkey" PRIMARY KEY("hour","email")
);
--> statement-breakpoint
ALTER TABLE "alerts" DROP CONSTRAINT "alerts_event_known";--> statement-breakpoint
ALTER TABLE "alerts" DROP CONSTRAINT "alerts_payment_date";--> statement-breakpoint
ALTER TABLE "admin_sessions" ADD COLUMN "client_network" text;--> statement-breakpoint
ALTER TABLE "admin_sessions" ADD COLUMN "is_new_address" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "admin_sessions" ADD COLUMN "proposed_secret" text;--> statement-breakpoint
ALTER TABLE "admin_sessions" ADD COLUMN "proposed_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "throttles" ADD COLUMN "account" text;--> statement-breakpoint
ALTER TABLE "admin_devices" ADD CONSTRAINT "admin_devices_admin_id_admins_id_fk" FOREIGN KEY ("admin_id") REFERENCES "public"."admins"("id") ON DELETE restrict ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "admin_devices" ADD CONSTRAINT "admin_devices_session_id_admin_sessions_id_fk" FOREIGN KEY ("session_id") REFERENCES "public"."admin_sessions"("id") ON DELETE restrict ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "admin_devices_admin_idx" ON "admin_devices" USING btree ("admin_id","id");--> statement-breakpoint
CREATE INDEX "admin_devices_expiry_idx" ON "admin_devices" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "admin_sessions_new_address_idx" ON "admin_sessions" USING btree ("created_at") WHERE "admin_sessions"."is_new_address";--> statement-breakpoint
CREATE INDEX "throttles_window_idx" ON "throttles" USING btree ("window_ends_at");--> statement-breakpoint
ALTER TABLE "admin_sessions" ADD CONSTRAINT "admin_sessions_proposal" CHECK (("admin_sessions"."proposed_secret" is null) = ("admin_sessions"."proposed_at" is null));--> statement-breakpoint
ALTER TABLE "alerts" ADD CONSTRAINT "alerts_event_known" CHECK ("alerts"."event" in ('run-finished', 'run-cancelled', 'date-missed', 'review-overdue', 'sign-ins-failed', 'sign-in-from-new-address'));--> statement-breakpoint
ALTER TABLE "alerts" ADD CONSTRAINT "alerts_payment_date" CHECK (("alerts"."event" in ('run-finished', 'run-cancelled', 'date-missed')) = ("alerts"."payment_date" is not null));--> statement-breakpoint
-- The keys have another form now: the old rows, which an attack may have made many, count nothing any more.
TRUNCATE "throttles";
