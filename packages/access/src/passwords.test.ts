import { describe, expect, it } from "vitest";
import { decoyHash, FULL_COST, generatePassword, generateRecoveryCode, hashPassword, isPassword } from "./passwords.ts";

describe("passwords", () => {
  it("a password matches its own hash and no other password does", async () => {
    const hash = await hashPassword("correct horse battery staple");
    expect(await isPassword("correct horse battery staple", hash)).toBe(true);
    expect(await isPassword("correct horse battery stapl", hash)).toBe(false);
    expect(await isPassword("", hash)).toBe(false);
  });

  it("hashing a password twice gives different hashes, and neither contains the password", async () => {
    const [first, second] = await Promise.all([hashPassword("a long password"), hashPassword("a long password")]);
    expect(first).not.toBe(second);
    expect(first).toMatch(/^scrypt\$32768\$8\$3\$[\w-]{22}\$[\w-]{43}$/);
    expect(first).not.toContain("password");
  });

  it("a password matches its hash however a keyboard composes its letters", async () => {
    const hash = await hashPassword("caf\u00e9 au lait");
    expect(await isPassword("cafe\u0301 au lait", hash)).toBe(true);
  });

  it("no guess matches the hash that unknown accounts are compared with", async () => {
    for (const guess of ["", "A", "admin"]) expect(await isPassword(guess, decoyHash())).toBe(false);
  });

  it("an unknown account is compared with a hash of the same cost as that of a known one", async () => {
    for (const cost of [FULL_COST, { N: 1_024, r: 8, p: 1 }]) {
      const parametersOf = (hash: string) => hash.split("$").slice(0, 4);
      expect(parametersOf(decoyHash(cost))).toEqual(parametersOf(await hashPassword("a long password", cost)));
    }
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
