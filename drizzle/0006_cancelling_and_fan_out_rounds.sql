ALTER TABLE "payment_runs" DROP CONSTRAINT "payment_runs_state_known";--> statement-breakpoint
ALTER TABLE "payment_runs" ADD COLUMN "fan_out_round" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "payment_runs" ADD CONSTRAINT "payment_runs_state_known" CHECK ("payment_runs"."state" in ('deciding', 'fanning-out', 'processing', 'completed', 'cancelling', 'cancelled'));
--> statement-breakpoint
-- A statement sees the rows as they were when it began. Each query in a volatile function sees them as they are at that moment.
CREATE FUNCTION "present_run_state"(run bigint) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  RETURN (SELECT r.state FROM payment_runs r WHERE r.id = run);
END
$$;
--> statement-breakpoint
-- A process of an earlier version, which may still be running, does not know 'cancelling' and would go on creating invoices. So the
-- table refuses them. The queries of this function see the rows as they are now, when all rows of the statement are written.
CREATE OR REPLACE FUNCTION "invoices_references"() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  missing text;
  cancelled date;
BEGIN
  -- The decision must point back, so that neither exists without the other.
  SELECT 'run ' || a.run_id || ', user ' || a.user_id INTO missing FROM added a
    WHERE (SELECT d.invoice_id FROM run_decisions d WHERE d.run_id = a.run_id AND d.user_id = a.user_id) IS DISTINCT FROM a.id LIMIT 1;
  IF FOUND THEN
    PERFORM refuse_missing('invoices_of_a_decision', missing);
  END IF;
  SELECT r.payment_date INTO cancelled FROM payment_runs r
    WHERE r.state IN ('cancelling', 'cancelled') AND r.id IN (SELECT a.run_id FROM added a) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'the run of % is cancelled: no invoice can be added to it', cancelled
      USING ERRCODE = 'restrict_violation', CONSTRAINT = 'invoices_of_a_cancelled_run';
  END IF;
  RETURN NULL;
END
$$;
