/** The orders in which invoices can be listed. */
export const invoiceSorts = ["newest", "oldest", "largest", "smallest"] as const;
export type InvoiceSort = (typeof invoiceSorts)[number];

/** The orders of users: by age only, because an index on balances would be written with every credit and every invoice. */
export const userSorts = ["oldest", "newest"] as const;
export type UserSort = (typeof userSorts)[number];
