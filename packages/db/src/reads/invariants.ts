import { type SQL, sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { text } from "../decoders.ts";
import { rowsOf } from "../sql.ts";
import {
  decisionDifferenceText,
  decisionTallyDifferences,
  invoiceDifferenceText,
  invoiceTallyDifferences,
} from "../tally-differences.ts";

/** A promise about the data. Its query returns a row per offender: the subject, and what is wrong with it. */
interface Invariant {
  readonly name: string;
  readonly offenders: SQL;
}

/**
 * Everything that must hold at any moment (docs/architecture.md), also during a run: each query sees one snapshot, and
 * every change of money or state is one statement.
 */
const invariants: readonly Invariant[] = [
  {
    name: "a balance is the sum of its ledger entries",
    offenders: sql`
      select 'user ' || u.external_id as subject,
        'the balance is ' || u.balance_cents || ' cents, the ledger says ' || coalesce(l.total, 0) as detail
      from users u left join (select user_id, sum(amount_cents) as total from ledger_entries group by user_id) l on l.user_id = u.id
      where u.balance_cents <> coalesce(l.total, 0)`,
  },
  {
    name: "only an adjustment takes a balance below zero",
    offenders: sql`
      select 'user ' || u.external_id as subject, 'the balance is ' || u.balance_cents || ' cents without any adjustment' as detail
      from users u where u.balance_cents < 0
        and not exists (select from ledger_entries l where l.user_id = u.id and l.kind = 'adjustment')`,
  },
  {
    name: "an invoice took exactly its amount",
    offenders: sql`
      select 'invoice ' || i.number as subject,
        'the amount is ' || i.amount_cents || ' cents, the ledger took ' || coalesce(-l.amount_cents, 0) as detail
      from invoices i left join ledger_entries l on l.invoice_id = i.id and l.kind = 'invoice' and l.user_id = i.user_id
      where l.amount_cents is distinct from -i.amount_cents`,
  },
  {
    name: "an invoice gave its amount back if and only if its disposition is return",
    offenders: sql`
      select 'invoice ' || i.number as subject,
        'disposition ' || coalesce(i.disposition, 'none') || ', given back ' || coalesce(l.amount_cents, 0) || ' cents' as detail
      from invoices i left join ledger_entries l on l.invoice_id = i.id and l.kind = 'invoice-reversal' and l.user_id = i.user_id
      where l.amount_cents is distinct from (case when i.disposition = 'return' then i.amount_cents end)`,
  },
  {
    name: "an invoice belongs to a decision to pay, of its run and date",
    offenders: sql`
      select 'invoice ' || i.number as subject, 'the decision is ' || d.decision || '/' || d.outcome || ', the run is of ' || r.payment_date as detail
      from invoices i join run_decisions d on d.run_id = i.run_id and d.user_id = i.user_id join payment_runs r on r.id = i.run_id
      where d.invoice_id is distinct from i.id or d.decision <> 'pay' or r.payment_date <> i.payment_date`,
  },
  {
    name: "an invoice is no more than was decided and no less than the minimum",
    offenders: sql`
      select 'invoice ' || i.number as subject,
        i.amount_cents || ' cents, decided ' || d.balance_cents || ', minimum ' || r.minimum_balance_cents as detail
      from invoices i join run_decisions d on d.run_id = i.run_id and d.user_id = i.user_id join payment_runs r on r.id = i.run_id
      where i.amount_cents > d.balance_cents or i.amount_cents < r.minimum_balance_cents`,
  },
  {
    name: "a decision's invoice is that user's invoice of that run",
    offenders: sql`
      select 'decision ' || r.payment_date || ' of user ' || u.external_id as subject,
        'points to ' || coalesce('invoice ' || i.number, 'an invoice that is not there') as detail
      from run_decisions d left join invoices i on i.id = d.invoice_id join payment_runs r on r.id = d.run_id join users u on u.id = d.user_id
      where d.invoice_id is not null and (i.id is null or i.run_id <> d.run_id or i.user_id <> d.user_id)`,
  },
  {
    name: "the destination of an invoice is a Binance e-mail of its user",
    offenders: sql`
      select 'invoice ' || i.number as subject, 'its destination was never a payment method of its user' as detail
      from invoices i where not exists
        (select from payment_methods m where m.user_id = i.user_id and m.binance_email = i.destination)`,
  },
  {
    name: "every reference leads to a row",
    offenders: sql`
      select 'ledger entry ' || l.id as subject, 'there is no user ' || l.user_id as detail
        from ledger_entries l where not exists (select from users u where u.id = l.user_id)
      union all select 'ledger entry ' || l.id, 'there is no invoice ' || l.invoice_id
        from ledger_entries l where l.invoice_id is not null and not exists (select from invoices i where i.id = l.invoice_id)
      union all select 'invoice ' || i.number, 'there is no decision of run ' || i.run_id || ' for user ' || i.user_id
        from invoices i where not exists (select from run_decisions d where d.run_id = i.run_id and d.user_id = i.user_id)
      union all select 'decision of run ' || d.run_id || ' for user ' || d.user_id, 'there is no such run or user'
        from run_decisions d where not exists (select from payment_runs r where r.id = d.run_id)
          or not exists (select from users u where u.id = d.user_id)`,
  },
  {
    name: "a completed or cancelled run has no open decision",
    offenders: sql`
      select 'run ' || r.payment_date as subject, count(*) || ' decisions are open' as detail
      from payment_runs r join run_decisions d on d.run_id = r.id and d.outcome = 'open'
      where r.state in ('completed', 'cancelled') group by r.payment_date`,
  },
  {
    name: "a user's invoice count is the number of their invoices",
    offenders: sql`
      select 'user ' || u.external_id as subject, 'counted ' || u.invoice_count || ', found ' || coalesce(i.found, 0) as detail
      from users u left join (select user_id, count(*) as found from invoices group by user_id) i on i.user_id = u.id
      where u.invoice_count <> coalesce(i.found, 0)`,
  },
  {
    name: "the creation and the review of an invoice are in the audit log",
    offenders: sql`
      select 'invoice ' || i.number as subject, 'no audit row for its ' || case when c.object is null then 'creation' else 'review' end as detail
      from invoices i
        left join (select distinct object from audit_log where action = 'invoice.create') c on c.object = 'invoice:' || i.number
        left join (select distinct object, action from audit_log where action in ('invoice.pay', 'invoice.reject')) v
          on v.object = 'invoice:' || i.number and v.action = case i.status when 'paid' then 'invoice.pay' else 'invoice.reject' end
      where c.object is null or (i.status <> 'pending' and v.object is null)`,
  },
  {
    name: "the tallies of invoices match the invoices",
    offenders: sql`select ${invoiceDifferenceText} from (${invoiceTallyDifferences}) difference`,
  },
  {
    name: "the tallies of decisions match the decisions",
    offenders: sql`select ${decisionDifferenceText} from (${decisionTallyDifferences}) difference`,
  },
  {
    name: "every credit and every adjustment is in the audit log",
    offenders: sql`
      select 'user ' || u.external_id as subject, l.found || ' entries, ' || coalesce(a.found, 0) || ' audit rows' as detail
      from (
          select user_id, count(*) as found from ledger_entries where kind in ('credit', 'adjustment') and idempotency_key is not null group by user_id
        ) l
        join users u on u.id = l.user_id
        left join (select object, count(*) as found from audit_log where action in ('user.credit', 'user.adjust') group by object) a on a.object = 'user:' || u.id
      where l.found <> coalesce(a.found, 0)`,
  },
];

export interface Violation {
  readonly invariant: string;
  readonly subject: string;
  readonly detail: string;
}

/**
 * Checks every invariant, one after the other.
 *
 * @param onChecked called with the name of each invariant after it was checked
 * @returns the offenders; empty when every invariant holds
 */
export async function findViolations(db: Db, onChecked: (invariant: string) => void): Promise<Violation[]> {
  const violations: Violation[] = [];
  for (const { name, offenders } of invariants) {
    const rows = await rowsOf(db, { subject: text, detail: text }, sql`${offenders} order by 1`);
    violations.push(...rows.map(({ subject, detail }) => ({ invariant: name, subject, detail })));
    onChecked(name);
  }
  return violations;
}
