import { sql } from "drizzle-orm";

/*
 * The groups whose tallies differ from the rows that they count, as SELECTs. Tallies and rows are read in one snapshot, so
 * the figures are exact while workers write and ticks add up.
 */

/** Columns: run_id, status, found, total, tallied, tallied_total. */
export const invoiceTallyDifferences = sql`
  select coalesce(i.run_id, t.run_id) as run_id, coalesce(i.status, t.status) as status, coalesce(i.found, 0) as found,
    coalesce(i.total, 0) as total, coalesce(t.tallied, 0) as tallied, coalesce(t.tallied_total, 0) as tallied_total
  from (select run_id, status, count(*) as found, sum(amount_cents) as total from invoices group by run_id, status) i
    full join (
      select run_id, status, sum(invoices) as tallied, sum(amount_cents) as tallied_total from invoice_tallies group by run_id, status
      having sum(invoices) <> 0 or sum(amount_cents) <> 0
    ) t on t.run_id = i.run_id and t.status = i.status
  where i.found is distinct from t.tallied or i.total is distinct from t.tallied_total`;

/** Columns: run_id, outcome, reason, found, tallied. */
export const decisionTallyDifferences = sql`
  select coalesce(d.run_id, t.run_id) as run_id, coalesce(d.outcome, t.outcome) as outcome,
    nullif(coalesce(d.reason, t.reason), '') as reason, coalesce(d.found, 0) as found, coalesce(t.tallied, 0) as tallied
  from (select run_id, outcome, coalesce(reason, '') as reason, count(*) as found from run_decisions group by 1, 2, 3) d
    full join (
      select run_id, outcome, coalesce(reason, '') as reason, sum(users) as tallied from decision_tallies group by 1, 2, 3
      having sum(users) <> 0
    ) t on t.run_id = d.run_id and t.outcome = d.outcome and t.reason = d.reason
  where d.found is distinct from t.tallied`;

/** What differs, for people: the columns `subject` and `detail` of {@link invoiceTallyDifferences}. */
export const invoiceDifferenceText = sql`
  'invoices of run ' || run_id || ', ' || status as subject,
  'tallied ' || tallied || ' over ' || tallied_total || ' cents, found ' || found || ' over ' || total || ' cents' as detail`;

/** The same of {@link decisionTallyDifferences}. */
export const decisionDifferenceText = sql`
  'decisions of run ' || run_id || ', ' || outcome || coalesce(' ' || reason, '') as subject,
  'tallied ' || tallied || ', found ' || found as detail`;
