import { freePort, type MailServer, startMailServer } from "@cpa-payouts/testing";
import { afterEach, describe, expect, it } from "vitest";
import { openEmail } from "./email.ts";

type Behaviour = Parameters<typeof startMailServer>[0];

const FROM = "payouts@example.com";
const TO = ["finance@example.org", "boss@example.net"];
const MESSAGE = {
  id: "7-1795335182933",
  headline: "Something happened",
  advice: "Do something.",
  details: ["Invoiced       404 for $713,144.47"],
  link: "https://payouts.example.com/runs/2026-12-07",
};

describe("e-mail", () => {
  let server: MailServer | null = null;

  afterEach(async () => {
    await server?.stop();
    server = null;
  });

  const start = async (options: Behaviour = {}) => {
    server = await startMailServer(options);
    return server;
  };
  const send = (smtpUrl: string, timeoutMs = 5_000) =>
    openEmail({ smtpUrl, from: FROM, to: TO, timeoutMs }).send(MESSAGE);

  it("goes to everybody in one plain message that says how to be folded", async () => {
    const { url, mails } = await start();
    expect(await send(url)).toEqual({ refused: 0 });
    expect(await send(url)).toEqual({ refused: 0 });
    expect(mails).toHaveLength(2);
    const [head = "", body] = mails[0]?.split("\r\n\r\n", 2) ?? [];
    const headers = head.split("\r\n");
    expect(headers).toContain("From: payouts@example.com");
    expect(headers).toContain("To: finance@example.org, boss@example.net");
    expect(headers).toContain("Subject: Something happened");
    expect(headers).toContain("Auto-Submitted: auto-generated");
    expect(headers).toContain("Content-Type: text/plain; charset=utf-8");
    expect(body).toBe("Something happened.\r\nDo something.");
    expect(mails[0]).toContain("404 for $713,144.47\r\n\r\nhttps://payouts.example.com/runs/2026-12-07");
    // Sent again it is the same message to a mail program.
    for (const mail of mails) expect(mail).toContain("Message-ID: <payouts-alert-7-1795335182933@example.com>");
  });

  it("tells how many were refused, unless all were", async () => {
    const refusing = (refused: readonly string[]): Behaviour => ({
      onRcptTo: ({ address }, _session, done) =>
        done(refused.includes(address) ? new Error("no such mailbox") : undefined),
    });
    const one = await start(refusing(["boss@example.net"]));
    expect(await send(one.url)).toEqual({ refused: 1 });
    expect(one.mails).toHaveLength(1);
    await one.stop();
    const none = await start(refusing(TO));
    await expect(send(none.url)).rejects.toThrow(`the mail server at 127.0.0.1:${none.port} did not take it: `);
    expect(none.mails).toEqual([]);
  });

  it("logs in where it has credentials, and never repeats them", async () => {
    const { url, port, mails } = await start({
      authOptional: false,
      allowInsecureAuth: true,
      onAuth: ({ username, password }, _session, done) =>
        username === "us%er" && password === "right" ? done(null, { user: username }) : done(new Error("no")),
    });
    await expect(send(url)).rejects.toThrow(`the mail server at 127.0.0.1:${port} did not take it: `);
    const wrong: Error = await send(`smtp://us%25er:secret@127.0.0.1:${port}`).then(
      () => new Error("it was sent"),
      (cause) => cause,
    );
    expect(wrong.message).toMatch(
      new RegExp(`^the mail server at 127\\.0\\.0\\.1:${port} did not take it: Invalid login`),
    );
    expect(`${wrong.stack} ${String(wrong.cause)}`).not.toMatch(/secret|c2VjcmV0/);
    expect(await send(`smtp://us%25er:right@127.0.0.1:${port}`)).toEqual({ refused: 0 });
    expect(mails).toHaveLength(1);
  });

  it("sends no credentials in clear text to another machine", async () => {
    let logins = 0;
    const { port, mails } = await start({
      allowInsecureAuth: true,
      onAuth: (_auth, _session, done) => {
        logins += 1;
        done(null, { user: "user" });
      },
    });
    // It leads here, and is no name of this machine.
    await expect(send(`smtp://user:secret@0.0.0.0:${port}`)).rejects.toThrow(/STARTTLS/);
    expect({ logins, mails }).toEqual({ logins: 0, mails: [] });
    expect(await send(`smtp://0.0.0.0:${port}`)).toEqual({ refused: 0 });
  });

  it("trusts no certificate that nobody vouches for", async () => {
    const { port, mails } = await start({ secure: true });
    await expect(send(`smtps://127.0.0.1:${port}`)).rejects.toThrow(/certificate/);
    expect(mails).toEqual([]);
  });

  it("does not wait for a server that says nothing, or is away", async () => {
    const { url } = await start({ onConnect: () => {} });
    await expect(send(url, 200)).rejects.toThrow(/did not take it: (Greeting never received|Timeout)/);
    const port = await freePort();
    await expect(send(`smtp://127.0.0.1:${port}`)).rejects.toThrow(
      new RegExp(`^the mail server at 127\\.0\\.0\\.1:${port} did not take it: .*ECONNREFUSED`),
    );
  });
});
