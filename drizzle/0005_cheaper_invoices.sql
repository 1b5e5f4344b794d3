-- By hand: this migration and those after it, which one transaction applies, change most tables. A statement of a process that still
-- runs has locked some tables when it waits for one, and the migration would come to need those: a deadlock. So all are locked here,
-- users first because most statements begin with them. A statement that is under way is waited for; the others hold nothing yet.
LOCK TABLE "users", "payment_runs", "payment_methods", "run_decisions", "invoices", "ledger_entries", "decision_tallies",
  "invoice_tallies", "settings", "scheduler", "alerts", "alert_deliveries", "admins", "admin_sessions", "api_tokens", "throttles",
  "audit_log" IN ACCESS EXCLUSIVE MODE;
--> statement-breakpoint
DROP INDEX "invoices_status_idx";--> statement-breakpoint
DROP INDEX "invoices_status_amount_idx";--> statement-breakpoint
DROP INDEX "audit_log_object_idx";--> statement-breakpoint
CREATE INDEX "audit_log_object_idx" ON "audit_log" USING btree ("object","at","id") WHERE "audit_log"."action" <> 'invoice.create';--> statement-breakpoint
-- The balances of an import lie side by side, and a statement changes those of whole pages. Only a page that is less than half
-- full has room for the new version of each row; otherwise PostgreSQL writes the row elsewhere, with an entry in all six indexes.
ALTER TABLE "users" SET (fillfactor = 45);
