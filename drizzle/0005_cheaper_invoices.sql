DROP INDEX "invoices_status_idx";--> statement-breakpoint
DROP INDEX "invoices_status_amount_idx";--> statement-breakpoint
DROP INDEX "audit_log_object_idx";--> statement-breakpoint
CREATE INDEX "audit_log_object_idx" ON "audit_log" USING btree ("object","at","id") WHERE "audit_log"."action" <> 'invoice.create';--> statement-breakpoint
-- The balances of an import lie side by side, and a statement changes those of whole pages. Only a page that is less than half
-- full has room for the new version of each row; otherwise PostgreSQL writes the row elsewhere, with an entry in all six indexes.
ALTER TABLE "users" SET (fillfactor = 45);
