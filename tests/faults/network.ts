import type { TestUser } from "@cpa-payouts/db/testing";

/**
 * A generated user, with the state that a test computes for them without the product's code: balance in whole cents.
 */
export interface NetworkUser {
  readonly externalId: string;
  readonly status: "active" | "suspended" | "closed";
  readonly method: "pending" | "approved" | "rejected" | null;
  balance: number;
  invoices: number;
}

/** A linear congruential generator (Numerical Recipes' constants): the same network for the same seed. */
export function randomNumbers(seed: number): (limit: number) => number {
  let state = seed >>> 0;
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

function pick<T>(random: (limit: number) => number, choices: readonly T[]): T {
  return choices[random(choices.length)] as T;
}

/** Users with random statuses, methods and histories, and balances of which many lie within a cent of the minimum. */
export function generateNetwork(count: number, seed: number): NetworkUser[] {
  const random = randomNumbers(seed);
  const balances = [0, 1, 9_999, 10_000, 10_001, 5_000, 20_000, 123_456];
  return Array.from({ length: count }, (_, index) => ({
    externalId: `u${index}`,
    status: pick(random, ["active", "active", "active", "active", "suspended", "closed"] as const),
    method: pick(random, ["approved", "approved", "approved", "pending", "rejected", null] as const),
    balance: random(2) === 0 ? pick(random, balances) : random(60_000),
    invoices: random(3),
  }));
}

/** Converts a generated user to the input of the test import. */
export function toTestUser(user: NetworkUser): TestUser {
  const { externalId, status, method, balance, invoices } = user;
  return { externalId, status, method, balance: (balance / 100).toFixed(2), previousInvoices: invoices };
}

/** What a run must do with a user: the amount in cents to invoice, the reason to skip, or null when nothing is owed. */
export function expected(user: NetworkUser, isMidMonth: boolean): number | string | null {
  if (user.balance <= 0) return null;
  if (user.status !== "active") return "inactive";
  if (user.balance < 10_000) return "below-minimum";
  if (user.method !== "approved") return "no-approved-method";
  if (isMidMonth && user.invoices === 0) return "first-time-waits";
  return user.balance;
}
