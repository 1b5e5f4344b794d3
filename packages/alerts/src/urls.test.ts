import { describe, expect, it } from "vitest";
import { findSmtpProblem, findWebhookProblem } from "./urls.ts";

describe("webhook URL", () => {
  it.each([
    "https://hooks.slack.com/services/T0/B0/x",
    "http://localhost:8065/hooks/x",
    "http://127.0.0.1/x",
    "http://127.1.2.3:80/x",
    "http://[::1]:9000/x",
  ])("the webhook URL %s is accepted", (url) => expect(findWebhookProblem(url)).toBeNull());

  it.each([
    "",
    "hooks.slack.com",
    "ftp://example.com/x",
    "file:///etc/passwd",
    "http://example.com/x",
    "http://10.0.0.1/x",
    "http://127.0.0.1.example.com/x",
    "http://localhost.example.com/x",
    "https://user:secret@example.com/x",
    "https://user@example.com/x",
  ])("the webhook URL %j is refused", (url) =>
    expect(findWebhookProblem(url)).toMatch(/^write a URL such as https:\/\/hooks/),
  );
});

describe("mail server URL", () => {
  it.each([
    "smtp://mail.example.com",
    "smtp://mail.example.com:25/",
    "smtps://user:pass@mail.example.com:465",
    "smtp://user%40example.com:p%25ss@mail.example.com",
    "smtp://[::1]:1025",
  ])("the mail server URL %s is accepted", (url) => expect(findSmtpProblem(url)).toBeNull());

  it.each([
    "",
    "mail.example.com:25",
    "http://mail.example.com",
    "smtp://",
    "smtp://mail.example.com/path",
    "smtp://mail.example.com?tls.rejectUnauthorized=false",
    "smtp://mail.example.com#x",
    "smtp://user@mail.example.com",
    "smtp://user:100%@mail.example.com",
  ])("the mail server URL %j is refused", (url) => expect(findSmtpProblem(url)).toMatch(/^write a URL such as smtps:/));

  it("the message about a refused URL never quotes it, because it holds a secret", () => {
    for (const text of ["smtp://user:secret@mail.example.com/path", "https://user:secret@example.com/secret"])
      expect(`${findSmtpProblem(text)} ${findWebhookProblem(text)}`).not.toContain("secret");
  });
});
