-- Ordered by hand: the tokens are locked last, because until the migration ends every program waits for them.
DROP INDEX "ledger_entries_idempotency_key";--> statement-breakpoint
ALTER TABLE "ledger_entries" ADD COLUMN "key_owner" text;--> statement-breakpoint
CREATE UNIQUE INDEX "ledger_entries_idempotency_key" ON "ledger_entries" USING btree ("idempotency_key","key_owner") WHERE "ledger_entries"."idempotency_key" is not null;--> statement-breakpoint
-- NOT VALID: entries of older versions have no owner. They are not given one, because the ledger is never changed; statements
-- read it from the entry's actor, and keep the key of such an entry for it (docs/decisions/0025).
ALTER TABLE "ledger_entries" ADD CONSTRAINT "ledger_entries_key_has_owner" CHECK (("ledger_entries"."idempotency_key" is null) = ("ledger_entries"."key_owner" is null)) NOT VALID;--> statement-breakpoint
ALTER TABLE "api_tokens" ADD COLUMN "replaces_id" bigint;--> statement-breakpoint
ALTER TABLE "api_tokens" ADD COLUMN "key_owner_id" bigint;--> statement-breakpoint
ALTER TABLE "api_tokens" ADD CONSTRAINT "api_tokens_replaces_id_api_tokens_id_fk" FOREIGN KEY ("replaces_id") REFERENCES "public"."api_tokens"("id") ON DELETE restrict ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "api_tokens" ADD CONSTRAINT "api_tokens_key_owner_id_api_tokens_id_fk" FOREIGN KEY ("key_owner_id") REFERENCES "public"."api_tokens"("id") ON DELETE restrict ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "api_tokens" ADD CONSTRAINT "api_tokens_key_owner" CHECK (("api_tokens"."replaces_id" is null) = ("api_tokens"."key_owner_id" is null));
