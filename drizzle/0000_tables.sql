CREATE TABLE "audit_log" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "audit_log_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"at" timestamp with time zone NOT NULL,
	"actor" text NOT NULL,
	"action" text NOT NULL,
	"object" text NOT NULL,
	"reason" text,
	"before" jsonb,
	"after" jsonb,
	"request_id" text
);
--> statement-breakpoint
CREATE TABLE "import_rows" (
	"import_id" uuid NOT NULL,
	"line" integer NOT NULL,
	"external_id" text NOT NULL,
	"email" text NOT NULL,
	"name" text,
	"status" text NOT NULL,
	"balance_cents" bigint NOT NULL,
	"binance_email" text,
	"payment_method_status" text,
	"previous_invoices" bigint,
	"joined_at" timestamp with time zone,
	"staged_at" timestamp with time zone NOT NULL,
	CONSTRAINT "import_rows_pkey" PRIMARY KEY("import_id","line")
);
--> statement-breakpoint
CREATE TABLE "invoices" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "invoices_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"number" text NOT NULL,
	"user_id" bigint NOT NULL,
	"run_id" bigint NOT NULL,
	"payment_date" date NOT NULL,
	"amount_cents" bigint NOT NULL,
	"currency" text NOT NULL,
	"destination" text NOT NULL,
	"status" text DEFAULT 'pending' NOT NULL,
	"reviewed_by" text,
	"reviewed_at" timestamp with time zone,
	"reason" text,
	"disposition" text,
	"created_at" timestamp with time zone NOT NULL,
	CONSTRAINT "invoices_number" UNIQUE("number"),
	CONSTRAINT "invoices_one_per_user_and_date" UNIQUE("user_id","payment_date"),
	CONSTRAINT "invoices_status_known" CHECK ("invoices"."status" in ('pending', 'paid', 'rejected')),
	CONSTRAINT "invoices_disposition_known" CHECK ("invoices"."disposition" in ('return', 'forfeit')),
	CONSTRAINT "invoices_amount_positive" CHECK ("invoices"."amount_cents" > 0),
	CONSTRAINT "invoices_currency_usd" CHECK ("invoices"."currency" = 'USD'),
	CONSTRAINT "invoices_reviewed_by" CHECK (("invoices"."status" = 'pending') = ("invoices"."reviewed_by" is null)),
	CONSTRAINT "invoices_rejection_has_reason" CHECK ("invoices"."status" <> 'rejected' or coalesce("invoices"."reason", '') <> ''),
	CONSTRAINT "invoices_rejection_has_disposition" CHECK (("invoices"."status" = 'rejected') = ("invoices"."disposition" is not null))
);
--> statement-breakpoint
CREATE TABLE "ledger_entries" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "ledger_entries_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"user_id" bigint NOT NULL,
	"kind" text NOT NULL,
	"amount_cents" bigint NOT NULL,
	"invoice_id" bigint,
	"idempotency_key" text,
	"note" text,
	"actor" text NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	CONSTRAINT "ledger_entries_idempotency_key" UNIQUE("idempotency_key"),
	CONSTRAINT "ledger_entries_once_per_invoice" UNIQUE("invoice_id","kind"),
	CONSTRAINT "ledger_entries_kind_known" CHECK ("ledger_entries"."kind" in ('credit', 'adjustment', 'invoice', 'invoice-reversal')),
	CONSTRAINT "ledger_entries_sign_of_kind" CHECK (case "ledger_entries"."kind" when 'credit' then "ledger_entries"."amount_cents" > 0 when 'invoice' then "ledger_entries"."amount_cents" < 0 when 'invoice-reversal' then "ledger_entries"."amount_cents" > 0 else "ledger_entries"."amount_cents" <> 0 end),
	CONSTRAINT "ledger_entries_invoice_of_kind" CHECK (("ledger_entries"."kind" in ('invoice', 'invoice-reversal')) = ("ledger_entries"."invoice_id" is not null)),
	CONSTRAINT "ledger_entries_adjustment_has_note" CHECK ("ledger_entries"."kind" <> 'adjustment' or coalesce("ledger_entries"."note", '') <> '')
);
--> statement-breakpoint
CREATE TABLE "payment_methods" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "payment_methods_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"user_id" bigint NOT NULL,
	"binance_email" text NOT NULL,
	"status" text NOT NULL,
	"reviewed_by" text,
	"reviewed_at" timestamp with time zone,
	"reason" text,
	"created_at" timestamp with time zone NOT NULL,
	CONSTRAINT "payment_methods_status_known" CHECK ("payment_methods"."status" in ('pending', 'approved', 'rejected', 'replaced')),
	CONSTRAINT "payment_methods_email_given" CHECK ("payment_methods"."binance_email" <> ''),
	CONSTRAINT "payment_methods_rejection_has_reason" CHECK ("payment_methods"."status" <> 'rejected' or coalesce("payment_methods"."reason", '') <> '')
);
--> statement-breakpoint
CREATE TABLE "payment_runs" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "payment_runs_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"payment_date" date NOT NULL,
	"kind" text NOT NULL,
	"trigger" text NOT NULL,
	"state" text DEFAULT 'deciding' NOT NULL,
	"minimum_balance_cents" bigint NOT NULL,
	"policy" jsonb NOT NULL,
	"opened_by" text NOT NULL,
	"decide_cursor" bigint DEFAULT 0 NOT NULL,
	"fan_out_cursor" bigint DEFAULT 0 NOT NULL,
	"retries" integer DEFAULT 0 NOT NULL,
	"opened_at" timestamp with time zone NOT NULL,
	"decided_at" timestamp with time zone,
	"fanned_out_at" timestamp with time zone,
	"completed_at" timestamp with time zone,
	CONSTRAINT "payment_runs_one_per_date" UNIQUE("payment_date"),
	CONSTRAINT "payment_runs_kind_known" CHECK ("payment_runs"."kind" in ('first-monday', 'mid-month')),
	CONSTRAINT "payment_runs_trigger_known" CHECK ("payment_runs"."trigger" in ('schedule', 'catch-up', 'manual')),
	CONSTRAINT "payment_runs_state_known" CHECK ("payment_runs"."state" in ('deciding', 'fanning-out', 'processing', 'completed', 'cancelled')),
	CONSTRAINT "payment_runs_on_a_monday" CHECK (extract(isodow from "payment_runs"."payment_date") = 1),
	CONSTRAINT "payment_runs_minimum_positive" CHECK ("payment_runs"."minimum_balance_cents" > 0),
	CONSTRAINT "payment_runs_completed_at" CHECK (("payment_runs"."state" = 'completed') = ("payment_runs"."completed_at" is not null))
);
--> statement-breakpoint
CREATE TABLE "run_decisions" (
	"run_id" bigint NOT NULL,
	"user_id" bigint NOT NULL,
	"decision" text NOT NULL,
	"reason" text,
	"balance_cents" bigint NOT NULL,
	"outcome" text NOT NULL,
	"invoice_id" bigint,
	"error" text,
	"settled_at" timestamp with time zone,
	CONSTRAINT "run_decisions_pkey" PRIMARY KEY("run_id","user_id"),
	CONSTRAINT "run_decisions_decision_known" CHECK ("run_decisions"."decision" in ('pay', 'skip')),
	CONSTRAINT "run_decisions_reason_known" CHECK ("run_decisions"."reason" in ('inactive', 'below-minimum', 'no-approved-method', 'first-time-waits')),
	CONSTRAINT "run_decisions_outcome_known" CHECK ("run_decisions"."outcome" in ('open', 'failed', 'invoiced', 'skipped')),
	CONSTRAINT "run_decisions_skip_is_settled" CHECK ("run_decisions"."decision" = 'pay' or "run_decisions"."outcome" = 'skipped'),
	CONSTRAINT "run_decisions_skip_has_reason" CHECK (("run_decisions"."outcome" = 'skipped') = ("run_decisions"."reason" is not null)),
	CONSTRAINT "run_decisions_invoiced_has_invoice" CHECK (("run_decisions"."outcome" = 'invoiced') = ("run_decisions"."invoice_id" is not null)),
	CONSTRAINT "run_decisions_failed_has_error" CHECK (("run_decisions"."outcome" = 'failed') = ("run_decisions"."error" is not null)),
	CONSTRAINT "run_decisions_balance_positive" CHECK ("run_decisions"."balance_cents" > 0)
);
--> statement-breakpoint
CREATE TABLE "scheduler" (
	"id" smallint PRIMARY KEY DEFAULT 1 NOT NULL,
	"live_since" timestamp with time zone NOT NULL,
	"last_tick_at" timestamp with time zone NOT NULL,
	CONSTRAINT "scheduler_one_row" CHECK ("scheduler"."id" = 1)
);
--> statement-breakpoint
CREATE TABLE "users" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "users_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"external_id" text NOT NULL,
	"email" text NOT NULL,
	"name" text DEFAULT '' NOT NULL,
	"status" text NOT NULL,
	"balance_cents" bigint DEFAULT 0 NOT NULL,
	"previous_invoices" integer DEFAULT 0 NOT NULL,
	"invoice_count" integer DEFAULT 0 NOT NULL,
	"joined_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "users_external_id" UNIQUE("external_id"),
	CONSTRAINT "users_external_id_given" CHECK ("users"."external_id" <> ''),
	CONSTRAINT "users_status_known" CHECK ("users"."status" in ('active', 'suspended', 'closed')),
	CONSTRAINT "users_previous_invoices_not_negative" CHECK ("users"."previous_invoices" >= 0),
	CONSTRAINT "users_invoice_count_not_negative" CHECK ("users"."invoice_count" >= 0)
);
--> statement-breakpoint
ALTER TABLE "invoices" ADD CONSTRAINT "invoices_of_a_decision" FOREIGN KEY ("run_id","user_id") REFERENCES "public"."run_decisions"("run_id","user_id") ON DELETE restrict ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "ledger_entries" ADD CONSTRAINT "ledger_entries_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE restrict ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "ledger_entries" ADD CONSTRAINT "ledger_entries_invoice_id_invoices_id_fk" FOREIGN KEY ("invoice_id") REFERENCES "public"."invoices"("id") ON DELETE restrict ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "payment_methods" ADD CONSTRAINT "payment_methods_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE restrict ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "run_decisions" ADD CONSTRAINT "run_decisions_run_id_payment_runs_id_fk" FOREIGN KEY ("run_id") REFERENCES "public"."payment_runs"("id") ON DELETE restrict ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "run_decisions" ADD CONSTRAINT "run_decisions_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "public"."users"("id") ON DELETE restrict ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "run_decisions" ADD CONSTRAINT "run_decisions_invoice_id_invoices_id_fk" FOREIGN KEY ("invoice_id") REFERENCES "public"."invoices"("id") ON DELETE restrict ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "invoices_run_idx" ON "invoices" USING btree ("run_id");--> statement-breakpoint
CREATE INDEX "ledger_entries_user_idx" ON "ledger_entries" USING btree ("user_id","id");--> statement-breakpoint
CREATE UNIQUE INDEX "payment_methods_one_current" ON "payment_methods" USING btree ("user_id") WHERE "payment_methods"."status" in ('pending', 'approved');--> statement-breakpoint
CREATE INDEX "payment_methods_user_idx" ON "payment_methods" USING btree ("user_id","id");--> statement-breakpoint
CREATE INDEX "run_decisions_open_idx" ON "run_decisions" USING btree ("run_id","user_id") WHERE "run_decisions"."outcome" = 'open';