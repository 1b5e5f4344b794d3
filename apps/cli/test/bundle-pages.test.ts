import { testDatabase } from "@cpa-payouts/db/testing";
import { type Bundle, bundlePayouts, type PayoutsProcess, startPayouts } from "@cpa-payouts/testing-servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { payoutsJson } from "./payouts.ts";

/** Goal: the image, which has no node_modules, serves the pages of the API's libraries with all of their files. */
describe("pages of the bundle", () => {
  let bundle: Bundle;
  let api: PayoutsProcess;
  let url: string;
  let cookie: string;
  let stopDatabase: () => Promise<void>;

  beforeAll(async () => {
    bundle = await bundlePayouts();
    const database = await testDatabase();
    stopDatabase = database.close;
    const env = { DATABASE_URL: database.url, API_PORT: "0" };
    const email = "viewer@example.com";
    const { password } = await payoutsJson<{ password: string }>(["admin", "create", email, "--role", "viewer"], env);
    api = startPayouts(["api"], env, [bundle.file]);
    await api.untilSays("API: ");
    url = /API: (\S+)/.exec(api.stderr())?.[1] ?? "";
    const response = await fetch(`${url}/api/v1/session`, {
      method: "POST",
      headers: { origin: url, "content-type": "application/json" },
      body: JSON.stringify({ email, password }),
    });
    cookie = response.headers.get("set-cookie")?.split(";")[0] ?? "";
    await fetch(`${url}/api/v1/session/password`, {
      method: "PUT",
      headers: { cookie, origin: url, "content-type": "application/json" },
      body: JSON.stringify({ password: "correct horse battery staple" }),
    });
  });

  afterAll(async () => {
    expect(await api.stop()).toBe(0);
    await stopDatabase();
    await bundle.remove();
  });

  it.each(["/docs/", "/queues/"])("the bundle serves %s and every file that the page names", async (path) => {
    const page = await fetch(url + path, { headers: { cookie } });
    const html = await page.text();
    expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
    const files = [...html.matchAll(/(?:href|src)="([^"]+\.(?:js|css|png|svg))"/g)].map(([, file]) => file ?? "");
    expect(files.length).toBeGreaterThan(4);
    for (const file of files) {
      const response = await fetch(new URL(file, url + path), { headers: { cookie } });
      expect([file, response.status]).toEqual([file, 200]);
      expect((await response.arrayBuffer()).byteLength).toBeGreaterThan(0);
    }
  });

  it("the bundle tells easy passwords from others, and stores the chosen one", async () => {
    const choose = (password: string) =>
      fetch(`${url}/api/v1/session/password`, {
        method: "PUT",
        headers: { cookie, origin: url, "content-type": "application/json" },
        body: JSON.stringify({ password }),
      });
    expect((await choose("password1234")).status).toBe(400);
    expect((await choose("tulips under nine heavy bridges")).status).toBe(204);
  });

  it("the bundle answers the requests of the board's page", async () => {
    for (const path of ["/queues/api/queues", "/queues/api/redis/stats", "/queues/static/locales/en-US/messages.json"])
      expect([path, (await fetch(url + path, { headers: { cookie } })).status]).toEqual([path, 200]);
  });
});
