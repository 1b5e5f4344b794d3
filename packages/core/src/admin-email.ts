/**
 * An administrator's e-mail. A domain needs no dot: `payouts up` creates `admin@localhost`. A colon is refused, because it is
 * part of the names by which the audit log knows programs (`token:NAME`) and the command line (`cli:NAME`).
 */
export const adminEmail = /^[^\s@:]+@[^\s@:]+$/;
