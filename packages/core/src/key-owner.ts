/**
 * Whose idempotency keys a caller uses, as ledger entries store it: the command line, an administrator by id, or a line of
 * tokens that replaced each other, by the id of the first. Ids instead of names, because every entry and its index hold it.
 */
export type KeyOwner = "cli" | `admin:${number}` | `token:${number}`;
