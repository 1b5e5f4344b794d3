import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { formatCents } from "@cpa-payouts/core";
import { type DataContext, importUsers } from "@cpa-payouts/pipeline";

const HEADER =
  "external_id,email,name,status,balance,binance_email,payment_method_status,previous_invoices,joined_at\n";

/** Imports the sample network of 1,000 users. Returns how many users were created. */
export async function importSampleNetwork(ctx: DataContext, actor: string): Promise<number> {
  const { created } = await importUsers(ctx, {
    source: Readable.from(sampleNetworkCsv()),
    overrideStatus: false,
    skipBad: false,
    actor,
    onProblem: ({ line, message }) => {
      throw new Error(`line ${line} of the sample network: ${message}`);
    },
    onProgress: () => {},
  });
  return created;
}

/**
 * A sample network as an import file, the same every time: users of all kinds, with balances around the minimum. All
 * users are invented; their e-mails are in the domains reserved for examples.
 */
function sampleNetworkCsv(users = 1_000): string {
  return HEADER + Array.from({ length: users }, (_, index) => sampleRow(index + 1)).join("");
}

function sampleRow(number: number): string {
  const id = String(number).padStart(4, "0");
  const draw = drawer(`sample ${id}`);
  const status = draw.oneOf(["active", 88], ["suspended", 8], ["closed", 4]);
  const method = draw.oneOf(["approved", 76], ["pending", 10], ["rejected", 4], ["", 10]);
  const cents = draw.oneOf(["0", 12], ["9999", 2], ["10000", 4], ["10001", 2], ["low", 25], ["high", 55]);
  const balance = cents === "low" ? draw.upTo(10_000) : cents === "high" ? 10_000 + draw.upTo(400_000) : Number(cents);
  const previousInvoices = draw.oneOf(["0", 30], ["some", 70]) === "0" ? 0 : 1 + draw.upTo(40);
  const binanceEmail = method === "" ? "" : `wallet-${id}@example.net`;
  const joined = `20${20 + draw.upTo(6)}-${String(1 + draw.upTo(12)).padStart(2, "0")}-01`;
  return `pub-${id},publisher-${id}@example.com,Publisher ${id},${status},${formatCents(BigInt(balance))},${binanceEmail},${method},${previousInvoices},${joined}\n`;
}

/** Draws from the bytes of a hash: the draws look random and are the same on every machine. */
function drawer(seed: string) {
  const bytes = createHash("sha256").update(seed).digest();
  let offset = 0;
  const next = () => {
    const value = bytes.readUInt32BE(offset);
    offset += 4;
    return value;
  };
  return {
    /** A whole number from 0 to `limit` - 1. */
    upTo: (limit: number) => next() % limit,
    /** One of the words, with its weight as probability in percent; the weights add up to 100. */
    oneOf: (...weighted: readonly (readonly [word: string, weight: number])[]): string => {
      let left = next() % 100;
      for (const [word, weight] of weighted) {
        if (left < weight) return word;
        left -= weight;
      }
      throw new Error("the weights do not add up to 100");
    },
  };
}
