CREATE TABLE "alert_deliveries" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "alert_deliveries_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"alert_id" bigint NOT NULL,
	"channel" text NOT NULL,
	"state" text DEFAULT 'open' NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"error" text,
	"settled_at" timestamp with time zone,
	CONSTRAINT "alert_deliveries_one_per_channel" UNIQUE("alert_id","channel"),
	CONSTRAINT "alert_deliveries_channel_known" CHECK ("alert_deliveries"."channel" in ('webhook', 'email')),
	CONSTRAINT "alert_deliveries_state_known" CHECK ("alert_deliveries"."state" in ('open', 'failed', 'sent', 'dropped')),
	CONSTRAINT "alert_deliveries_settled_at" CHECK (("alert_deliveries"."state" = 'open') = ("alert_deliveries"."settled_at" is null)),
	CONSTRAINT "alert_deliveries_failed_has_error" CHECK ("alert_deliveries"."state" <> 'failed' or "alert_deliveries"."error" is not null)
);
--> statement-breakpoint
CREATE TABLE "alerts" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "alerts_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"key" text NOT NULL,
	"event" text NOT NULL,
	"payment_date" date,
	"raised_at" timestamp with time zone NOT NULL,
	CONSTRAINT "alerts_key" UNIQUE("key"),
	CONSTRAINT "alerts_event_known" CHECK ("alerts"."event" in ('run-finished', 'run-cancelled', 'date-missed', 'review-overdue')),
	CONSTRAINT "alerts_payment_date" CHECK (("alerts"."event" = 'review-overdue') = ("alerts"."payment_date" is null))
);
--> statement-breakpoint
ALTER TABLE "scheduler" ADD COLUMN "alerting_since" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "scheduler" ADD COLUMN "last_alerting_tick_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "alert_deliveries" ADD CONSTRAINT "alert_deliveries_alert_id_alerts_id_fk" FOREIGN KEY ("alert_id") REFERENCES "public"."alerts"("id") ON DELETE restrict ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "alert_deliveries_open_idx" ON "alert_deliveries" USING btree ("id") WHERE "alert_deliveries"."state" = 'open';--> statement-breakpoint
ALTER TABLE "scheduler" ADD CONSTRAINT "scheduler_alerting" CHECK (("scheduler"."alerting_since" is null) = ("scheduler"."last_alerting_tick_at" is null));