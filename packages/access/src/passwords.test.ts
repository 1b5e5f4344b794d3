import { beforeAll, describe, expect, it } from "vitest";
import { decoyHash, generatePassword, hashPassword, isPassword, parametersOfCost } from "./passwords.ts";

const PASSWORD = "correct horse battery staple";
const CHEAP = { memoryKiB: 8, passes: 1 };

let hash: string;

beforeAll(async () => {
  hash = await hashPassword(PASSWORD);
});

describe("passwords", () => {
  it("a password matches its own hash and no other", async () => {
    expect(await isPassword(PASSWORD, hash)).toBe(true);
    for (const wrong of ["", `${PASSWORD} `, PASSWORD.toUpperCase(), "correct horse battery stapl"])
      expect(await isPassword(wrong, hash)).toBe(false);
  });

  it("two hashes of one password differ, and neither contains the password", async () => {
    const [first, second] = await Promise.all([
      hashPassword("a long password", CHEAP),
      hashPassword("a long password", CHEAP),
    ]);
    expect(first).not.toBe(second);
    expect(hash).toMatch(/^\$argon2id\$v=19\$m=32768,t=3,p=1\$[\w+/]{22}\$[\w+/]{43}$/);
    for (const one of [first, second]) expect(one).not.toContain("password");
  });

  it("a password matches its hash however a keyboard composes its letters", async () => {
    const composed = await hashPassword("caf\u00e9 au lait", CHEAP);
    expect(await isPassword("cafe\u0301 au lait", composed)).toBe(true);
  });

  it("a password matches the hash that an older version made of it with scrypt", async () => {
    const old = "scrypt$1024$8$1$AQIDBAUGBwgJCgsMDQ4PEA$_rWTU-NmLaflw-5zUdJ89pjkXq1Yax51cFTzz9uPxo4";
    expect(await isPassword("a long password", old)).toBe(true);
    expect(await isPassword("another long password", old)).toBe(false);
  });

  it("the hash that stands in for an unknown account matches neither an empty nor a guessed password", async () => {
    for (const parameters of [parametersOfCost(), parametersOfCost(CHEAP), "scrypt$1024$8$1"])
      for (const guess of ["", "A", "admin"]) expect(await isPassword(guess, decoyHash(parameters))).toBe(false);
  });

  it("an unknown account is compared with a hash of the same cost as that of a known one", async () => {
    expect(hash.startsWith(`${parametersOfCost()}$`)).toBe(true);
    expect((await hashPassword(PASSWORD, CHEAP)).startsWith(`${parametersOfCost(CHEAP)}$`)).toBe(true);
  });

  it("checking against a hash of an unknown kind is an error, not a mismatch", async () => {
    await expect(isPassword("x", "md5$x")).rejects.toThrow("a stored password hash is of an unknown kind");
  });

  it("generated passwords and recovery codes are easy to type and do not repeat", () => {
    const many = Array.from({ length: 1_000 }, generatePassword);
    expect(new Set(many).size).toBe(1_000);
    for (const password of many) expect(password).toMatch(/^([a-hjkmnp-z2-9]{5}-){3}[a-hjkmnp-z2-9]{5}$/);
  });
});
