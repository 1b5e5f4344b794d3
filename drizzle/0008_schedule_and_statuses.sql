ALTER TABLE "scheduler" ADD COLUMN "live_from" date;--> statement-breakpoint
ALTER TABLE "scheduler" ADD COLUMN "schedule_pattern" text;--> statement-breakpoint
ALTER TABLE "scheduler" ADD COLUMN "schedule_time_zone" text;--> statement-breakpoint
ALTER TABLE "scheduler" ADD COLUMN "schedule_since" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "scheduler" ADD COLUMN "schedule_seen_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "scheduler" ADD COLUMN "past_pattern" text;--> statement-breakpoint
ALTER TABLE "scheduler" ADD COLUMN "past_time_zone" text;--> statement-breakpoint
ALTER TABLE "scheduler" ADD COLUMN "past_seen_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "users" ADD COLUMN "status_by_hand" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "scheduler" ADD CONSTRAINT "scheduler_schedule" CHECK (num_nulls("scheduler"."schedule_pattern", "scheduler"."schedule_time_zone", "scheduler"."schedule_since", "scheduler"."schedule_seen_at") in (0, 4));--> statement-breakpoint
ALTER TABLE "scheduler" ADD CONSTRAINT "scheduler_past" CHECK (num_nulls("scheduler"."past_pattern", "scheduler"."past_time_zone", "scheduler"."past_seen_at") in (0, 3));--> statement-breakpoint
-- Written by hand from here on: what is known of the time before. A run keeps the schedule of the process that opened it.
UPDATE "scheduler" SET "schedule_pattern" = "latest"."policy"->>'tickCron', "schedule_time_zone" = "latest"."policy"->>'timeZone',
    "schedule_since" = "latest"."opened_at", "schedule_seen_at" = "latest"."opened_at"
  FROM (SELECT "policy", "opened_at" FROM "payment_runs" WHERE "policy" ? 'tickCron' AND "policy" ? 'timeZone'
    ORDER BY "opened_at" DESC, "id" DESC LIMIT 1) "latest";
--> statement-breakpoint
-- A status that an import changed after the administrator did is the import's.
UPDATE "users" SET "status_by_hand" = true
  FROM (SELECT DISTINCT ON ("object") "object", "after"->>'status' AS "status" FROM "audit_log" WHERE "action" = 'user.status'
    ORDER BY "object", "at" DESC, "id" DESC) "decided"
  WHERE "users"."id" = split_part("decided"."object", ':', 2)::bigint AND "users"."status" = "decided"."status";
