ALTER TABLE "admins" ADD COLUMN "rights_version" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "guarded_changes" ADD COLUMN "requester_version" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
CREATE INDEX "guarded_changes_requester_idx" ON "guarded_changes" USING btree ("requested_by","requested_at");