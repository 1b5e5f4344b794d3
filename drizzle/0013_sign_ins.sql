-- By hand: this migration and those up to 0015 change these tables, in one transaction. Statements of processes that still run lock
-- them in this order, so a migration that locked them in another one could make a deadlock with them.
LOCK TABLE "guarded_changes", "admins", "admin_sessions", "alerts", "alert_deliveries" IN ACCESS EXCLUSIVE MODE;--> statement-breakpoint
ALTER TABLE "admins" ADD COLUMN "credentials_version" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "admin_sessions" ADD COLUMN "credentials_version" integer DEFAULT 0 NOT NULL;
