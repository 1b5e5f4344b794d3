import { describe, expect, it } from "vitest";
import { refuseWeakPassword } from "./password-strength.ts";
import { generatePassword } from "./passwords.ts";

const refusal = (password: string, email = "alice.miller@example.com") =>
  refuseWeakPassword(password, email).then(
    () => null,
    (cause: Error) => cause.message,
  );

describe("strength of passwords", () => {
  it.each([
    "password1234",
    "Password1234!",
    "qwertyuiop12",
    "letmeinletmein",
    "abcdefghijkl",
    "Summer2026!!!",
    "alice.miller@example.com",
    "alicemiller",
    "MillerAlice12",
    "alice.miller2026",
    "miller.alice2026",
    "alicemiller2026!",
    "Alice-Miller-2026",
    "miller alice 1990",
    "a.miller.2026",
    "example2026alice",
    "CPA Payouts 2026",
    "CpaPayouts2026",
    "ｐａｓｓｗｏｒｄ１２３４",
    "ａｌｉｃｅ.ｍｉｌｌｅｒ２０２６",
    "x".repeat(200),
  ])("the password %j of alice.miller@example.com is refused", async (password) => {
    expect(await refusal(password)).toMatch(/^this password is easy to guess: /);
  });

  it.each([
    "a long password",
    "alice!kT9$wq2@Lm7",
    "correct horse battery staple",
    "лошадь батарея скрепка верно",
    "!kT9$wq2@Lm7",
  ])("the password %j is accepted", async (password) => {
    expect(await refusal(password)).toBeNull();
  });

  it("every generated password is accepted", async () => {
    for (let index = 0; index < 20; index++) expect(await refusal(generatePassword())).toBeNull();
  });
});
