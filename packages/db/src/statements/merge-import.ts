import { type SQL, sql } from "drizzle-orm";
import type { Db } from "../client.ts";
import { count, flag } from "../decoders.ts";
import { rowsAboveLimit } from "../import-limits.ts";
import { instantParam, rowOf } from "../sql.ts";

export interface ImportCounts {
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
  /** Existing users whose balance in the file differs from the stored one, which is kept. */
  readonly differingBalances: number;
  /** Existing users with a changed Binance e-mail, which now awaits approval. */
  readonly changedAddresses: number;
  /** Existing users whose status in the file differs from the one that was set by hand, which is kept. */
  readonly keptStatuses: number;
  /** Existing users whose status was set by hand and is now that of the file, as `overrideStatus` asks. */
  readonly overriddenStatuses: number;
}

interface MergeInput {
  readonly importId: string;
  readonly actor: string;
  /** Whether the statuses of the file replace those that were set by hand, too. */
  readonly overrideStatus: boolean;
  readonly now: Date;
}

/** What became of an import: its counts, or that rows are above a limit and nothing was written. */
export type ImportOutcome = ({ readonly status: "merged" } & ImportCounts) | { readonly status: "above-limit" };

/**
 * Adds and updates the users of the staged rows in one statement, all of them or none.
 *
 * - An opening balance above a limit of the settings refuses the whole file.
 * - A new user gets the opening balance as one ledger entry, and the payment method with the status of the file.
 * - An existing user keeps balance and reviews; an empty optional column keeps the stored value.
 * - A status that was set by hand is kept unless `overrideStatus` is given. After that the file's next one applies again.
 * - A Binance e-mail that differs from the user's latest one is added as a `pending` method, and the one in use becomes
 *   `replaced`. The status in the file is ignored, because only a review here approves a changed one. A first one gets the
 *   status of the file, as for a new user. Those that differ in case only are the same.
 *
 * @throws the database's error when two staged rows have the same external id
 */
export async function mergeImport(db: Db, input: MergeInput): Promise<ImportOutcome> {
  const { isAboveLimit, existing, differingStatuses, ...counts } = await rowOf(
    db,
    {
      isAboveLimit: flag,
      created: count,
      updated: count,
      existing: count,
      differingBalances: count,
      changedAddresses: count,
      differingStatuses: count,
    },
    sql`
    with ${mergedUsers(input)}, ${mergedMethods(input)}, ${mergeAudit(input)}
    select
      exists (select from above_limit) as is_above_limit,
      (select count(*) from created) as created,
      (select count(*) from existing) as existing,
      (select count(*) from (select id from updated union select user_id from added where user_id in (select user_id from existing)) u) as updated,
      (select count(*) from existing where balance_cents <> own_balance_cents) as differing_balances,
      (select count(*) from addressed where before is not null) as changed_addresses,
      (select count(*) from existing where own_status_by_hand and own_status <> status) as differing_statuses`,
  );
  if (isAboveLimit) return { status: "above-limit" };
  const [keptStatuses, overriddenStatuses] = input.overrideStatus ? [0, differingStatuses] : [differingStatuses, 0];
  return { status: "merged", ...counts, unchanged: existing - counts.updated, keptStatuses, overriddenStatuses };
}

/**
 * The steps of the merge that add and update the users: `above_limit`, `file`, `existing`, `updated`, `created`, `opening`.
 * The file is empty when a row is above a limit.
 */
function mergedUsers({ importId, actor, overrideStatus, now }: MergeInput): SQL {
  const keepsStatus = sql`(e.own_status_by_hand and (e.own_status = e.status or not ${overrideStatus}::boolean))`;
  return sql`
    above_limit as materialized (${rowsAboveLimit(importId)} limit 1), file as materialized (
      select * from import_rows where import_id = ${importId}::uuid and not exists (select from above_limit)
    ), existing as (
      select u.id as user_id, u.balance_cents as own_balance_cents, u.status as own_status,
        u.status_by_hand as own_status_by_hand, to_jsonb(u) as before, f.*
      from users u join file f on f.external_id = u.external_id
      order by u.id for no key update of u
    ), updated as (
      update users u set email = e.email, name = coalesce(e.name, u.name),
        status = case when ${keepsStatus} then u.status else e.status end, status_by_hand = ${keepsStatus},
        previous_invoices = coalesce(e.previous_invoices, u.previous_invoices),
        joined_at = coalesce(e.joined_at, u.joined_at), updated_at = ${instantParam(now)}
      from existing e
      where u.id = e.user_id and (u.email, u.name, u.status, u.previous_invoices, u.joined_at) is distinct from
        (e.email, coalesce(e.name, u.name), case when ${keepsStatus} then u.status else e.status end,
         coalesce(e.previous_invoices, u.previous_invoices),
         coalesce(e.joined_at, u.joined_at))
      returning u.id, e.before, to_jsonb(u) as after
    ), created as (
      insert into users (external_id, email, name, status, balance_cents, previous_invoices, joined_at, updated_at)
      select external_id, email, coalesce(name, ''), status, balance_cents, coalesce(previous_invoices, 0),
        coalesce(joined_at, ${instantParam(now)}), ${instantParam(now)}
      from file f where not exists (select from existing e where e.external_id = f.external_id)
      order by line
      returning id, external_id, balance_cents, to_jsonb(users) as after
    ), opening as (
      insert into ledger_entries (user_id, kind, amount_cents, note, actor, created_at)
      select id, 'credit', balance_cents, 'opening balance', ${actor}, ${instantParam(now)} from created where balance_cents > 0
    )`;
}

/** The steps that add the Binance e-mails which differ from the present ones: `latest`, `addressed`, `replaced`, `added`. */
function mergedMethods({ actor, now }: MergeInput): SQL {
  return sql`
    latest as (
      select distinct on (m.user_id) m.user_id, m.binance_email, m.status
      from payment_methods m join existing using (user_id) order by m.user_id, m.id desc
    ), addressed as (
      select id as user_id, f.binance_email, f.payment_method_status as status, null::text as before
      from created c join file f on f.external_id = c.external_id where f.binance_email is not null
      union all
      select e.user_id, e.binance_email, case when l.user_id is null then e.payment_method_status else 'pending' end,
        l.binance_email
      from existing e left join latest l using (user_id)
      where e.binance_email is not null and lower(e.binance_email) is distinct from lower(l.binance_email)
    ), replaced as (
      update payment_methods m set status = 'replaced'
      from addressed a where m.user_id = a.user_id and m.status in ('pending', 'approved')
      returning m.user_id
    ), added as (
      -- A user may have one current method at a time, so this insert must run after the update: hence the count. The planner
      -- would remove a left join, since none of its columns are used.
      insert into payment_methods (user_id, binance_email, status, reviewed_by, reviewed_at, reason, created_at)
      select a.user_id, a.binance_email, coalesce(a.status, 'pending'),
        case when a.status in ('approved', 'rejected') then ${actor} end,
        case when a.status in ('approved', 'rejected') then ${instantParam(now)} end,
        case when a.status in ('approved', 'rejected') then 'as imported' end, ${instantParam(now)}
      from addressed a where (select count(*) from replaced) >= 0
      returning user_id, binance_email, status
    )`;
}

/** The audit rows of the users and payment methods that were added or changed. */
function mergeAudit({ importId, actor, now }: MergeInput): SQL {
  return sql`
    audit as (
      insert into audit_log (at, actor, action, object, before, after, request_id)
      select ${instantParam(now)}, ${actor}, 'user.create', 'user:' || id, null::jsonb, after, ${`import:${importId}`} from created
      union all
      select ${instantParam(now)}, ${actor}, 'user.update', 'user:' || id, before, after, ${`import:${importId}`} from updated
      union all
      select ${instantParam(now)}, ${actor}, 'method.add', 'user:' || user_id,
        case when a.before is not null then jsonb_build_object('binanceEmail', a.before) end,
        jsonb_build_object('binanceEmail', m.binance_email, 'status', m.status), ${`import:${importId}`}
      from added m join addressed a using (user_id)
    )`;
}
