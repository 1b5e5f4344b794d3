import {
  freePort,
  STALL_MS,
  startSilentWebhookServer,
  startWebhookServer,
  WEBHOOK_SECRET,
  type WebhookServer,
} from "@cpa-payouts/testing-servers";
import { afterEach, describe, expect, it } from "vitest";
import { openWebhook } from "./webhook.ts";

const MESSAGE = {
  id: "1-1",
  headline: "Something happened",
  advice: "Do something.",
  details: ["a detail"],
  link: "https://payouts.example.com/runs/2026-12-07",
};

describe("webhook channel", () => {
  let server: WebhookServer | null = null;

  afterEach(async () => {
    await server?.stop();
    server = null;
  });

  const failure = async (url: string, timeoutMs = STALL_MS) => {
    const error: Error = await openWebhook({ url, timeoutMs })
      .send(MESSAGE)
      .then(
        () => new Error("it was sent"),
        (cause) => cause,
      );
    // The secret is neither in the message nor anywhere else that a logger might look.
    expect(`${error.stack} ${String(error.cause)}`).not.toContain(WEBHOOK_SECRET);
    return error.message;
  };
  const hostOf = (url: string) => new URL(url).host;

  it("an alert is posted as one line of text", async () => {
    server = await startWebhookServer();
    expect(await openWebhook({ url: server.url, timeoutMs: STALL_MS }).send(MESSAGE)).toEqual({ refused: 0 });
    expect(await openWebhook({ url: server.url, timeoutMs: STALL_MS }).send({ ...MESSAGE, link: null })).toEqual({
      refused: 0,
    });
    expect(server.bodies.map((body) => JSON.parse(body))).toEqual([
      { text: "Something happened. Do something. https://payouts.example.com/runs/2026-12-07" },
      { text: "Something happened. Do something." },
    ]);
  });

  it.each([
    [500, ""],
    [400, ""],
    [404, "; was the webhook removed?"],
    [302, ", a redirect, which is not followed; write the final URL"],
    [307, ", a redirect, which is not followed; write the final URL"],
  ])("an alert counts as not sent when the webhook answers %i", async (status, hint) => {
    server = await startWebhookServer([status]);
    expect(await failure(server.url)).toBe(`the webhook at ${hostOf(server.url)} answered ${status}${hint}`);
    expect(server.bodies).toEqual([]);
  });

  it("a webhook that never answers is given up after the timeout", async () => {
    server = await startSilentWebhookServer();
    expect(await failure(server.url, 100)).toBe(
      `the webhook at ${hostOf(server.url)} did not answer: no answer within 100 ms`,
    );
  });

  it("an unreachable webhook is reported by its host, without the secret path", async () => {
    const port = await freePort();
    expect(await failure(`http://127.0.0.1:${port}/services/${WEBHOOK_SECRET}`)).toBe(
      `the webhook at 127.0.0.1:${port} did not answer: ECONNREFUSED`,
    );
    // Port 9 (discard) is one of those that fetch refuses to connect to.
    expect(await failure(`http://127.0.0.1:9/services/${WEBHOOK_SECRET}`)).toBe(
      "the webhook at 127.0.0.1:9 did not answer: bad port",
    );
  });

  it("a webhook on another machine without https is refused", () => {
    expect(() => openWebhook({ url: "http://example.com/x" })).toThrow("http is for this machine only");
  });
});
