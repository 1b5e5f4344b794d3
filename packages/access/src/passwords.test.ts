import { beforeAll, describe, expect, it } from "vitest";
import { decoyHash, FULL_COST, generatePassword, generateRecoveryCode, hashPassword, isPassword } from "./passwords.ts";

const PASSWORD = "correct horse battery staple";
/** The full cost is slow on purpose: what does not depend on the cost is tested with a low one. */
const CHEAP = { N: 1_024, r: 8, p: 1 };

describe("passwords", () => {
  let hash: string;

  beforeAll(async () => {
    hash = await hashPassword(PASSWORD);
  });

  it("a password matches its own hash and no other password does", async () => {
    expect(await isPassword(PASSWORD, hash)).toBe(true);
    expect(await isPassword(PASSWORD.slice(0, -1), hash)).toBe(false);
    expect(await isPassword("", await hashPassword(PASSWORD, CHEAP))).toBe(false);
  });

  it("hashing a password twice gives different hashes, and neither contains the password", async () => {
    const [first, second] = await Promise.all([
      hashPassword("a long password", CHEAP),
      hashPassword("a long password", CHEAP),
    ]);
    expect(first).not.toBe(second);
    expect(hash).toMatch(/^scrypt\$32768\$8\$3\$[\w-]{22}\$[\w-]{43}$/);
    for (const one of [first, second]) expect(one).not.toContain("password");
  });

  it("a password matches its hash however a keyboard composes its letters", async () => {
    const composed = await hashPassword("caf\u00e9 au lait", CHEAP);
    expect(await isPassword("cafe\u0301 au lait", composed)).toBe(true);
  });

  it("the hash that stands in for an unknown account matches neither an empty nor a guessed password", async () => {
    expect(await isPassword("admin", decoyHash())).toBe(false);
    for (const guess of ["", "A", "admin"]) expect(await isPassword(guess, decoyHash(CHEAP))).toBe(false);
  });

  it("an unknown account is compared with a hash of the same cost as that of a known one", async () => {
    const parametersOf = (text: string) => text.split("$").slice(0, 4);
    expect(parametersOf(decoyHash(FULL_COST))).toEqual(parametersOf(hash));
    expect(parametersOf(decoyHash(CHEAP))).toEqual(parametersOf(await hashPassword(PASSWORD, CHEAP)));
  });

  it("checking against a hash of an unknown kind is an error, not a mismatch", async () => {
    await expect(isPassword("x", "md5$x")).rejects.toThrow("a stored password hash is of an unknown kind");
  });

  it("generated passwords and recovery codes have a typeable format, and passwords do not repeat", () => {
    const many = Array.from({ length: 1_000 }, generatePassword);
    expect(new Set(many).size).toBe(1_000);
    for (const password of many) expect(password).toMatch(/^([a-hjkmnp-z2-9]{5}-){3}[a-hjkmnp-z2-9]{5}$/);
    expect(generateRecoveryCode()).toMatch(/^[a-hjkmnp-z2-9]{5}-[a-hjkmnp-z2-9]{5}$/);
  });
});
