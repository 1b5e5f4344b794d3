import type { AdminRole } from "@cpa-payouts/core";
import { insertAdmin } from "../statements/insert-admin.ts";
import { insertApiToken } from "../statements/insert-api-token.ts";
import type { TestData } from "./data.ts";

export const NOW = new Date("2026-12-07T12:00:00Z");

/** An instant after {@link NOW}. */
export const after = (ms: number) => new Date(NOW.getTime() + ms);

export const audit = { actor: "root", requestId: "r-1", clientAddress: "192.0.2.1", now: NOW };

/** Adds an administrator. @returns whether this call added it */
export async function addAdmin({ ctx }: TestData, email: string, role: AdminRole = "admin"): Promise<boolean> {
  return (await insertAdmin(ctx.db, { ...audit, email, role, passwordHash: "hash" })).status === "created";
}

/** Adds a token that may write credits and expires after a second. @returns whether this call added it */
export function addApiToken({ ctx }: TestData, name: string, tokenHash: string): Promise<boolean> {
  return insertApiToken(ctx.db, { ...audit, name, tokenHash, scopes: ["credits:write"], expiresAt: after(1_000) });
}
