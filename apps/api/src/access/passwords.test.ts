import { describe, expect, it } from "vitest";
import { generatePassword, generateRecoveryCode, hashPassword, isPassword, NOBODYS_HASH } from "./passwords.ts";

describe("a password", () => {
  it("is known again by its hash, and no other one is", async () => {
    const hash = await hashPassword("correct horse battery staple");
    expect(await isPassword("correct horse battery staple", hash)).toBe(true);
    expect(await isPassword("correct horse battery stapl", hash)).toBe(false);
    expect(await isPassword("", hash)).toBe(false);
  });

  it("has another hash each time, which does not contain it", async () => {
    const [first, second] = await Promise.all([hashPassword("a long password"), hashPassword("a long password")]);
    expect(first).not.toBe(second);
    expect(first).toMatch(/^scrypt\$32768\$8\$3\$[\w-]{22}\$[\w-]{43}$/);
    expect(first).not.toContain("password");
  });

  it("is the same however a keyboard composes its letters", async () => {
    const hash = await hashPassword("caf\u00e9 au lait");
    expect(await isPassword("cafe\u0301 au lait", hash)).toBe(true);
  });

  it("of nobody is never right", async () => {
    for (const guess of ["", "A", "admin"]) expect(await isPassword(guess, NOBODYS_HASH)).toBe(false);
  });

  it("with a hash of another kind is an error, not a no", async () => {
    await expect(isPassword("x", "md5$x")).rejects.toThrow("a stored password hash is of an unknown kind");
  });

  it("that is generated can be typed and is not the same twice", () => {
    const many = Array.from({ length: 1_000 }, generatePassword);
    expect(new Set(many).size).toBe(1_000);
    for (const password of many) expect(password).toMatch(/^([a-hjkmnp-z2-9]{5}-){3}[a-hjkmnp-z2-9]{5}$/);
    expect(generateRecoveryCode()).toMatch(/^[a-hjkmnp-z2-9]{5}-[a-hjkmnp-z2-9]{5}$/);
  });
});
