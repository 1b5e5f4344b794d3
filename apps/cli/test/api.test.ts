import { once } from "node:events";
import { rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { createClient } from "@cpa-payouts/contract";
import { ADMIN_EMAIL_ADVICE } from "@cpa-payouts/core";
import { type TestDatabase, testDatabase } from "@cpa-payouts/db/testing";
import { startPayouts } from "@cpa-payouts/testing-servers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { payouts, payoutsJson } from "./payouts.ts";

let database: TestDatabase;
let env: Record<string, string>;

beforeEach(async () => {
  database = await testDatabase();
  env = { DATABASE_URL: database.url };
});

afterEach(async () => {
  await database.close();
});

/** The address at which the API says it listens. */
const addressIn = (said: string) => /API: (http:\/\/[\w.:[\]]+)/.exec(said)?.[1] ?? "";

async function signIn(url: string, email: string, password: string) {
  const response = await fetch(`${url}/api/v1/session`, {
    method: "POST",
    headers: { origin: url, "content-type": "application/json" },
    body: JSON.stringify({ email, password }),
  });
  const cookie = response.headers.get("set-cookie")?.split(";")[0] ?? "";
  return { status: response.status, client: createClient({ baseUrl: url, fetch, headers: { cookie, origin: url } }) };
}

describe("payouts admin", () => {
  it("an administrator whom guessers have locked out is unlocked", async () => {
    await payouts(["admin", "create", "alice@example.com"], env);
    await database.sql`
      insert into throttles (key, account, tries, window_ends_at)
      select kind, 'alice@example.com', 100, now() + interval '1 hour' from unnest(array['account', 'pair']) as kind`;
    expect(await payoutsJson(["admin", "unlock", "Alice@example.com"], env)).toEqual({
      email: "Alice@example.com",
      counts: 2,
    });
    expect(await database.sql`select from throttles`).toHaveLength(0);
    const unlocked = await payouts(["admin", "unlock", "alice@example.com"], env);
    expect(unlocked).toMatchObject({ code: 0, stdout: expect.stringMatching(/^alice@example.com may try again/) });
    expect(await payouts(["admin", "unlock", "unknown@example.com"], env)).toMatchObject({
      code: 2,
      stderr: "error: there is no administrator unknown@example.com\n",
    });
  });

  it("an administrator is added with a generated password, which is shown once", async () => {
    const created = await payoutsJson<{ password: string }>(["admin", "create", "Alice@example.com"], env);
    expect(created).toEqual({
      email: "Alice@example.com",
      role: "admin",
      password: expect.stringMatching(/^[\w-]{23}$/),
    });
    const viewer = await payouts(["admin", "create", "bob@example.com", "--role", "viewer"], env);
    expect(viewer.stdout).toMatch(
      /^bob@example.com may sign in as viewer\nPassword: [\w-]{23}\nIt is shown only once, and must be changed at the first sign-in.\n$/,
    );
    expect(await payouts(["admin", "create", "alice@example.com"], env)).toEqual({
      code: 1,
      stdout: "",
      stderr:
        'error: there is an administrator alice@example.com already; "payouts admin password alice@example.com" sets another password\n',
    });
    expect(await payoutsJson(["admin", "list"], env)).toMatchObject([
      { email: "alice@example.com", role: "admin", status: "enabled", secondFactor: "off" },
      { email: "bob@example.com", role: "viewer" },
    ]);
  });

  it("with --actor, a new password is not the administrator's own change: it must be changed, and the audit log has cli:NAME", async () => {
    await payouts(["admin", "create", "alice@example.com"], env);
    await database.sql`update admins set must_change_password = false`;
    await payouts(["admin", "password", "alice@example.com", "--actor", "alice@example.com"], env);
    expect(await database.sql`select must_change_password from admins`).toEqual([{ must_change_password: true }]);
    expect(await database.sql`select actor from audit_log where action = 'admin.password'`).toEqual([
      { actor: "cli:alice@example.com" },
    ]);
  });

  it("a bad e-mail, an unknown role and an unknown administrator are refused", async () => {
    expect(await payouts(["admin", "create", "alice"], env)).toMatchObject({
      code: 2,
      stderr: `error: "alice": ${ADMIN_EMAIL_ADVICE}\n`,
    });
    expect(await payouts(["admin", "create", "a@example.com", "--role", "god"], env)).toMatchObject({
      code: 2,
      stderr: 'error: --role: "god" is not one of viewer, operator, admin\n',
    });
    expect(await payouts(["admin", "password", "unknown@example.com"], env)).toMatchObject({
      code: 2,
      stderr: "error: there is no administrator unknown@example.com\n",
    });
  });
});

describe("payouts api", () => {
  it("the API serves until SIGTERM; a forgotten password is reset from the command line", async () => {
    const { password } = await payoutsJson<{ password: string }>(["admin", "create", "alice@example.com"], env);
    const api = startPayouts(["api"], env);
    await api.untilSays("API: ");
    const url = addressIn(api.stderr());
    const { status, client } = await signIn(url, "alice@example.com", password);
    expect(status).toBe(200);
    expect(await client.readSession()).toMatchObject({
      email: "alice@example.com",
      role: "admin",
      mustChangePassword: true,
    });

    const reset = await payoutsJson<{ password: string }>(
      ["admin", "password", "alice@example.com", "--remove-second-factor"],
      env,
    );
    await expect(client.readSession()).rejects.toMatchObject({ status: 401 });
    expect((await signIn(url, "alice@example.com", password)).status).toBe(401);
    expect((await signIn(url, "alice@example.com", reset.password)).status).toBe(200);
    expect(await api.stop("SIGTERM")).toBe(0);
    for (const secret of [password, reset.password]) expect(api.stderr()).not.toContain(secret);
  });

  it("an API without an administrator says how to add the first one", async () => {
    const api = startPayouts(["api"], env);
    await api.untilSays("API: ");
    expect(api.stderr()).toContain('There is no administrator yet: "payouts admin create EMAIL" adds the first one');
    expect(await api.stop()).toBe(0);
  });

  it("the API reads its secrets from files", async () => {
    const file = path.join(tmpdir(), `payouts-secret-${process.pid}`);
    await writeFile(file, `${database.url}\n`);
    const api = startPayouts(["api"], { DATABASE_URL_FILE: file });
    await api.untilSays("API: ");
    expect(await api.stop()).toBe(0);
    await rm(file);
  });

  it("the API does not start without a database, on an open address without TLS, or on a taken port", async () => {
    expect(await payouts(["api"], {})).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("the API needs DATABASE_URL"),
    });
    const open = startPayouts(["api"], { ...env, API_HOST: "0.0.0.0" });
    expect(await open.ended()).toBe(2);
    expect(open.stderr()).toContain(
      "API_HOST: 0.0.0.0 can be reached from elsewhere; set TLS_CERT_FILE and TLS_KEY_FILE",
    );
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as { port: number };
    const late = startPayouts(["api"], { ...env, API_PORT: String(port) });
    expect(await late.ended()).toBe(1);
    expect(late.stderr()).toContain(
      `error: the API cannot listen on 127.0.0.1:${port}: the port is taken; set API_HOST and API_PORT\n`,
    );
    other.close();
  });
});
