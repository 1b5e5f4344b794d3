import type { TestUser } from "./network.ts";

/** One user per combination of everything that the rule reads, with balances around the minimum. */
export const ruleNetwork: readonly TestUser[] = (["active", "suspended", "closed"] as const).flatMap((status) =>
  ["0", "0.01", "99.99", "100.00", "100.01"].flatMap((balance) =>
    ([null, "pending", "rejected", "approved"] as const).flatMap((method) =>
      [0, 1].map((previousInvoices) => ({
        externalId: [status, balance, method ?? "none", previousInvoices].join("-"),
        status,
        balance,
        method,
        previousInvoices,
      })),
    ),
  ),
);
