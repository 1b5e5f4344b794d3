import { schema } from "@cpa-payouts/db";
import { and, eq, sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import pg from "pg";
import { PAYMENT_DATE } from "./jobs.ts";

const { auditLog, invoices, ledgerEntries, paymentMethods, runDecisions, users } = schema;

const MINIMUM_CENTS = 100_00n;

/**
 * The usual handler: one transaction per job, a statement per table, with the product's work and checks. Law 1 of
 * docs/architecture.md forbids it.
 */
export function payInTransaction(url: string, connections: number) {
  const client = new pg.Pool({ connectionString: url, max: connections });
  const db = drizzle(client, { casing: "snake_case" });

  const pay = async ({ runId, userId }: { runId: number; userId: number }): Promise<void> => {
    await db.transaction(async (tx) => {
      const [user] = await tx.select().from(users).where(eq(users.id, userId)).for("no key update");
      const [method] = await tx
        .select()
        .from(paymentMethods)
        .where(and(eq(paymentMethods.userId, userId), eq(paymentMethods.status, "approved")));
      if (!user || !method || user.status !== "active" || user.balanceCents < MINIMUM_CENTS) return;
      const now = new Date();
      const number = `INV-${PAYMENT_DATE.date.replaceAll("-", "")}-${userId}`;
      const amountCents = user.balanceCents;
      const money = {
        userId,
        runId,
        paymentDate: PAYMENT_DATE.date,
        amountCents,
        currency: "USD",
        destination: method.binanceEmail,
      };
      // The decision refers to its invoice before the invoice exists, as the tables require.
      const [decision] = await tx
        .update(runDecisions)
        .set({ outcome: "invoiced", invoiceId: sql`nextval('invoices_id_seq')`, settledAt: now })
        .where(and(eq(runDecisions.runId, runId), eq(runDecisions.userId, userId), eq(runDecisions.outcome, "open")))
        .returning({ invoiceId: runDecisions.invoiceId });
      if (!decision?.invoiceId) return;
      const id = decision.invoiceId;
      await tx
        .insert(invoices)
        .overridingSystemValue()
        .values({ ...money, id, number, createdAt: now });
      const entry = { userId, kind: "invoice" as const, invoiceId: id, actor: "system", createdAt: now };
      await tx.insert(ledgerEntries).values({ ...entry, amountCents: -amountCents });
      await tx
        .update(users)
        .set({ balanceCents: sql`${users.balanceCents} - ${amountCents}`, invoiceCount: user.invoiceCount + 1 })
        .where(eq(users.id, userId));
      const audit = { at: now, actor: "system", action: "invoice.create", object: `invoice:${number}` };
      await tx.insert(auditLog).values({ ...audit, after: { runId, userId, amountCents: String(amountCents) } });
    });
  };
  return { pay, close: () => client.end() };
}
