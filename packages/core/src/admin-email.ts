/**
 * An administrator's e-mail, as browsers accept it in a field for e-mails (the HTML standard), in ASCII: a domain with other
 * letters is written as punycode. So two addresses that look alike are the same, and none has brackets, commas, quotation marks
 * or invisible characters. A domain needs no dot: `payouts up` creates `admin@localhost`. A colon is refused as well, because it
 * is part of the names by which the audit log knows programs (`token:NAME`) and the command line (`cli:NAME`).
 *
 * Administrators whom earlier versions have stored keep their e-mails.
 */
export const adminEmail =
  /^[\w.!#$%&'*+/=?^`{|}~-]+@[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?(?:\.[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?)*$/i;

/** What to write instead of an e-mail that {@link adminEmail} refuses. */
export const ADMIN_EMAIL_ADVICE =
  "write an e-mail address of ASCII characters, such as alice@example.com; a domain with other letters as punycode (xn--...)";
