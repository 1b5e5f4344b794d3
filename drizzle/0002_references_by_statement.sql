-- A foreign key looks up and locks one row for every row written. The triggers below test the same references once per statement, over
-- all of its rows (docs/decisions/0009 has the measurement). Written by hand behind what drizzle-kit generated.
ALTER TABLE "ledger_entries" DROP CONSTRAINT "ledger_entries_idempotency_key";--> statement-breakpoint
ALTER TABLE "invoices" DROP CONSTRAINT "invoices_of_a_decision";
--> statement-breakpoint
ALTER TABLE "ledger_entries" DROP CONSTRAINT "ledger_entries_user_id_users_id_fk";
--> statement-breakpoint
ALTER TABLE "ledger_entries" DROP CONSTRAINT "ledger_entries_invoice_id_invoices_id_fk";
--> statement-breakpoint
ALTER TABLE "run_decisions" DROP CONSTRAINT "run_decisions_run_id_payment_runs_id_fk";
--> statement-breakpoint
ALTER TABLE "run_decisions" DROP CONSTRAINT "run_decisions_user_id_users_id_fk";
--> statement-breakpoint
ALTER TABLE "run_decisions" DROP CONSTRAINT "run_decisions_invoice_id_invoices_id_fk";
--> statement-breakpoint
CREATE UNIQUE INDEX "ledger_entries_idempotency_key" ON "ledger_entries" USING btree ("idempotency_key") WHERE "ledger_entries"."idempotency_key" is not null;
--> statement-breakpoint
CREATE FUNCTION "refuse_missing"(reference text, missing text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% refers to something that is not there: %', reference, missing
    USING ERRCODE = 'foreign_key_violation', CONSTRAINT = reference;
END
$$;
--> statement-breakpoint
-- In each of them the scalar subquery makes the planner look up every row by key; it may turn NOT EXISTS into a scan of the whole table.
CREATE FUNCTION "ledger_entries_references"() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  missing bigint;
BEGIN
  -- The invoice's user is tested with it, and exists because an invoice belongs to a decision, and that to a user.
  SELECT a.invoice_id INTO missing FROM added a
    WHERE a.invoice_id IS NOT NULL AND (SELECT i.user_id FROM invoices i WHERE i.id = a.invoice_id) IS DISTINCT FROM a.user_id LIMIT 1;
  IF FOUND THEN
    PERFORM refuse_missing('ledger_entries_of_an_invoice', 'invoice ' || missing || ' of that user');
  END IF;
  SELECT a.user_id INTO missing FROM added a
    WHERE a.invoice_id IS NULL AND (SELECT u.id FROM users u WHERE u.id = a.user_id) IS NULL LIMIT 1;
  IF FOUND THEN
    PERFORM refuse_missing('ledger_entries_of_a_user', 'user ' || missing);
  END IF;
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE FUNCTION "invoices_references"() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  missing text;
BEGIN
  -- The decision must point back, so that neither exists without the other.
  SELECT 'run ' || a.run_id || ', user ' || a.user_id INTO missing FROM added a
    WHERE (SELECT d.invoice_id FROM run_decisions d WHERE d.run_id = a.run_id AND d.user_id = a.user_id) IS DISTINCT FROM a.id LIMIT 1;
  IF FOUND THEN
    PERFORM refuse_missing('invoices_of_a_decision', missing);
  END IF;
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE FUNCTION "run_decisions_references"() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  missing bigint;
BEGIN
  SELECT a.run_id INTO missing FROM added a WHERE a.run_id NOT IN (SELECT r.id FROM payment_runs r) LIMIT 1;
  IF FOUND THEN
    PERFORM refuse_missing('run_decisions_of_a_run', 'run ' || missing);
  END IF;
  SELECT a.user_id INTO missing FROM added a WHERE (SELECT u.id FROM users u WHERE u.id = a.user_id) IS NULL LIMIT 1;
  IF FOUND THEN
    PERFORM refuse_missing('run_decisions_of_a_user', 'user ' || missing);
  END IF;
  RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER "ledger_entries_references" AFTER INSERT ON "ledger_entries"
  REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION "ledger_entries_references"();
--> statement-breakpoint
CREATE TRIGGER "invoices_references" AFTER INSERT ON "invoices"
  REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION "invoices_references"();
--> statement-breakpoint
CREATE TRIGGER "run_decisions_references" AFTER INSERT ON "run_decisions"
  REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION "run_decisions_references"();
--> statement-breakpoint
-- What others refer to stays, and keeps its key: users are closed, runs cancelled, invoices rejected.
CREATE FUNCTION "refuse_removal"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% keeps its rows and their keys: % refused', TG_TABLE_NAME, TG_OP
    USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_NAME, HINT = 'Close the user, cancel the run, reject the invoice instead.';
END
$$;
--> statement-breakpoint
CREATE TRIGGER "users_kept" BEFORE DELETE OR TRUNCATE OR UPDATE OF id ON "users"
  FOR EACH STATEMENT EXECUTE FUNCTION "refuse_removal"();
--> statement-breakpoint
CREATE TRIGGER "payment_runs_kept" BEFORE DELETE OR TRUNCATE OR UPDATE OF id ON "payment_runs"
  FOR EACH STATEMENT EXECUTE FUNCTION "refuse_removal"();
--> statement-breakpoint
CREATE TRIGGER "run_decisions_kept" BEFORE DELETE OR TRUNCATE OR UPDATE OF run_id, user_id ON "run_decisions"
  FOR EACH STATEMENT EXECUTE FUNCTION "refuse_removal"();
--> statement-breakpoint
CREATE TRIGGER "invoices_kept" BEFORE DELETE OR TRUNCATE OR UPDATE OF id, run_id, user_id ON "invoices"
  FOR EACH STATEMENT EXECUTE FUNCTION "refuse_removal"();
--> statement-breakpoint
-- A balance changes with every credit and every invoice; room on the page lets PostgreSQL write the new version beside the old one
-- and leave both indexes of the table alone.
ALTER TABLE "users" SET (fillfactor = 70);
