CREATE TABLE "review_previews" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "review_previews_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"token_hash" text NOT NULL,
	"actor" text NOT NULL,
	"request_digest" text NOT NULL,
	"set_digest" text NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"used_at" timestamp with time zone,
	CONSTRAINT "review_previews_token" UNIQUE("token_hash"),
	CONSTRAINT "review_previews_expires_later" CHECK ("review_previews"."expires_at" > "review_previews"."created_at")
);
--> statement-breakpoint
ALTER TABLE "invoices" DROP CONSTRAINT "invoices_two_people";--> statement-breakpoint
ALTER TABLE "invoices" ADD COLUMN "approved_to_forfeit" boolean DEFAULT false NOT NULL;--> statement-breakpoint
CREATE INDEX "review_previews_actor_idx" ON "review_previews" USING btree ("actor","id");--> statement-breakpoint
ALTER TABLE "invoices" ADD CONSTRAINT "invoices_approved_to_forfeit" CHECK (not "invoices"."approved_to_forfeit" or ("invoices"."approved_by" is not null and "invoices"."status" <> 'paid'));--> statement-breakpoint
ALTER TABLE "invoices" ADD CONSTRAINT "invoices_two_people" CHECK (not ("invoices"."status" = 'paid' or "invoices"."approved_to_forfeit") or "invoices"."approved_by" is distinct from "invoices"."reviewed_by");