import { randomUUID } from "node:crypto";
import { readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describeOnBackends } from "@cpa-payouts/jobs/testing";
import { environmentOf, openTestFlow } from "@cpa-payouts/pipeline/testing";
import { expect, it } from "vitest";
import { payouts } from "./payouts.ts";

const SECRETS = ["marker-mail", "marker-wallet", "Marker Name", "marker-poison", "marker-note"];

/**
 * Goal: no personal data leaves the database. The commands of a month run at debug level, with a user whose job fails on
 * the user's own address; then the log, the queue and stderr are searched for the imported data.
 */
describeOnBackends("personal data", (kind) => {
  it("personal data is in no log line, no job and no message", async () => {
    const flow = await openTestFlow({ kind, now: "2026-12-07T09:00:00Z" });
    const files = path.join(tmpdir(), `payouts-privacy-${randomUUID()}`);
    const env = { ...environmentOf(flow), LOG_FILE: `${files}.log`, LOG_LEVEL: "debug", PAYOUTS_ACTOR: "finance" };
    await writeFile(
      `${files}.csv`,
      [
        "external_id,email,name,status,balance,binance_email,payment_method_status,previous_invoices,joined_at",
        "a,marker-mail-a@example.com,Marker Name A,active,150,marker-wallet-a@example.com,approved,1,",
        "b,marker-mail-b@example.com,Marker Name B,active,50,marker-wallet-b@example.com,pending,0,",
        "c,marker-mail-c@example.com,Marker Name C,active,150,marker-poison@example.com,approved,1,",
        "",
      ].join("\n"),
    );
    // The error contains the address in its message and in its detail.
    await flow.database.sql.unsafe(`
      create function refuse() returns trigger language plpgsql as $$
      begin
        if new.destination like 'marker-poison%' then
          raise exception 'cannot pay %', new.destination using detail = 'row of ' || new.destination;
        end if;
        return new;
      end $$;
      create trigger refuse before insert on invoices for each row execute function refuse()`);

    const outputs = [];
    for (const args of [
      ["import", `${files}.csv`],
      ["credit", "a", "5", "--key", "k", "--note", "marker-note"],
      ["method", "b", "--approve"],
      ["run", "--date", "2026-12-07", "--now", "2026-12-07T09:00:00Z"],
      ["review", "INV-20261207-1", "--reject", "--reason", "marker-note"],
      ["retry"],
      ["verify"],
    ])
      outputs.push(await payouts(args, env));

    const jobs = await Promise.all(Object.values(flow.ctx.queues.bullmq).map((queue) => queue.getJobs()));
    const log = await readFile(`${files}.log`, "utf8");
    const seen = {
      log,
      jobs: JSON.stringify(jobs.flat().map((job) => job.asJSON())),
      stderr: outputs.map(({ stderr }) => stderr).join(""),
    };
    expect(log).toContain('"event":"invoices.created"');
    expect(log).toContain('"event":"invoice.failed"');
    expect(seen.jobs).toContain("create-invoice");
    for (const [where, text] of Object.entries(seen))
      for (const secret of SECRETS) expect(text, `${secret} in ${where}`).not.toContain(secret);
    const password = new URL(flow.database.url).password;
    expect(password).not.toBe("");
    expect(log).not.toContain(password);
    await flow.close();
    await Promise.all([`${files}.log`, `${files}.csv`].map((file) => rm(file)));
  });
});
