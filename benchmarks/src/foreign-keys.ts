/**
 * Replaces the triggers per statement by PostgreSQL's own foreign keys, the usual design, to measure the effect of
 * docs/decisions/0009.
 */
export const FOREIGN_KEYS_PER_ROW = `
  drop trigger invoices_references on invoices;
  drop trigger ledger_entries_references on ledger_entries;
  drop trigger run_decisions_references on run_decisions;
  alter table ledger_entries
    add foreign key (user_id) references users (id) on delete restrict,
    add foreign key (invoice_id) references invoices (id) on delete restrict deferrable initially deferred;
  alter table invoices
    add foreign key (run_id, user_id) references run_decisions (run_id, user_id) on delete restrict;
  alter table run_decisions
    add foreign key (run_id) references payment_runs (id) on delete restrict,
    add foreign key (user_id) references users (id) on delete restrict,
    add foreign key (invoice_id) references invoices (id) on delete restrict deferrable initially deferred;`;
