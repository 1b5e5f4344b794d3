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
