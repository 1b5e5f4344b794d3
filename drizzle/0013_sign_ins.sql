ALTER TABLE "admins" ADD COLUMN "credentials_version" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "admin_sessions" ADD COLUMN "credentials_version" integer DEFAULT 0 NOT NULL;
