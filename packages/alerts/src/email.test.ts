import { freePort, type MailServer, STALL_MS, startMailServer } from "@cpa-payouts/testing-servers";
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

describe("e-mail channel", () => {
  let server: MailServer | null = null;

  afterEach(async () => {
    await server?.stop();
    server = null;
  });

  const start = async (options: Behaviour = {}) => {
    server = await startMailServer(options);
    return server;
  };
  const send = (smtpUrl: string, timeoutMs = STALL_MS) =>
    openEmail({ smtpUrl, from: FROM, to: TO, timeoutMs }).send(MESSAGE);

  it("an alert goes to all recipients in one plain-text message, with the same Message-ID each time", async () => {
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
    // By it a mail program recognises the copy of an alert that is sent again.
    for (const mail of mails) expect(mail).toContain("Message-ID: <payouts-alert-7-1795335182933@example.com>");
  });

  it("an alert for one person goes to that person only", async () => {
    const { url, mails } = await start();
    const channel = openEmail({ smtpUrl: url, from: FROM, to: TO, timeoutMs: STALL_MS });
    await channel.send({ ...MESSAGE, recipient: "alice@example.com" });
    expect(mails).toHaveLength(1);
    expect(mails[0]).toContain("To: alice@example.com\r\n");
  });

  it("an alert for administrators besides the recipients goes to each once, in one message", async () => {
    const { url, mails } = await start();
    const channel = openEmail({ smtpUrl: url, from: FROM, to: TO, timeoutMs: STALL_MS });
    await channel.send({ ...MESSAGE, alsoTo: ["alice@example.com", "boss@example.net"] });
    expect(mails).toHaveLength(1);
    expect(mails[0]).toContain("To: finance@example.org, boss@example.net, alice@example.com\r\n");
  });

  it("refused recipients are counted, and a message that all refuse is an error", async () => {
    const refusing = (refused: readonly string[]): Behaviour => ({
      onRcptTo: ({ address }, _session, done) =>
        done(refused.includes(address) ? new Error("no such mailbox") : undefined),
    });
    const one = await start(refusing(["boss@example.net"]));
    expect(await send(one.url)).toEqual({ refused: 1 });
    expect(one.mails).toHaveLength(1);
    await one.stop();
    const none = await start(refusing(TO));
    await expect(send(none.url)).rejects.toThrow(
      `the mail server at 127.0.0.1:${none.port} did not accept the message: `,
    );
    expect(none.mails).toEqual([]);
  });

  it("the credentials in the URL are used to log in and appear in no error", async () => {
    const { url, port, mails } = await start({
      authOptional: false,
      allowInsecureAuth: true,
      onAuth: ({ username, password }, _session, done) =>
        username === "us%er" && password === "right" ? done(null, { user: username }) : done(new Error("no")),
    });
    await expect(send(url)).rejects.toThrow(`the mail server at 127.0.0.1:${port} did not accept the message: `);
    const wrong: Error = await send(`smtp://us%25er:secret@127.0.0.1:${port}`).then(
      () => new Error("it was sent"),
      (cause) => cause,
    );
    expect(wrong.message).toMatch(
      new RegExp(`^the mail server at 127\\.0\\.0\\.1:${port} did not accept the message: Invalid login`),
    );
    expect(`${wrong.stack} ${String(wrong.cause)}`).not.toMatch(/secret|c2VjcmV0/);
    expect(await send(`smtp://us%25er:right@127.0.0.1:${port}`)).toEqual({ refused: 0 });
    expect(mails).toHaveLength(1);
  });

  it("credentials are not sent in clear text to another machine", async () => {
    let logins = 0;
    const { port, mails } = await start({
      allowInsecureAuth: true,
      onAuth: (_auth, _session, done) => {
        logins += 1;
        done(null, { user: "user" });
      },
    });
    // 0.0.0.0 reaches this machine, but does not count as loopback.
    await expect(send(`smtp://user:secret@0.0.0.0:${port}`)).rejects.toThrow(/STARTTLS/);
    expect({ logins, mails }).toEqual({ logins: 0, mails: [] });
    expect(await send(`smtp://0.0.0.0:${port}`)).toEqual({ refused: 0 });
  });

  it("a mail server with an untrusted certificate is refused", async () => {
    const { port, mails } = await start({ secure: true });
    await expect(send(`smtps://127.0.0.1:${port}`)).rejects.toThrow(/certificate/);
    expect(mails).toEqual([]);
  });

  it("a mail server that is silent or unreachable is given up within the timeout", async () => {
    const { url } = await start({ onConnect: () => {} });
    await expect(send(url, 200)).rejects.toThrow(
      /did not accept the message: (Greeting never received|Timeout|Connection timeout)$/,
    );
    const port = await freePort();
    await expect(send(`smtp://127.0.0.1:${port}`)).rejects.toThrow(
      new RegExp(`^the mail server at 127\\.0\\.0\\.1:${port} did not accept the message: .*ECONNREFUSED`),
    );
  });
});
