import { expect, it } from "vitest";
import { hashesToCompare } from "./authenticate.ts";

const old = "scrypt$32768$8$3";
const cheap = "$argon2id$v=19$m=8,t=1,p=1";
const present = "$argon2id$v=19$m=32768,t=3,p=1";

const parametersIn = (hashes: readonly string[]) => hashes.map((hash) => hash.split("$").slice(0, -2).join("$"));

it("every password is compared with the same kinds of hashes, whether its account exists and how it was hashed", () => {
  const inUse = [present, old, cheap, present];
  const accounts = [null, ...[old, cheap, present].map((parameters) => ({ passwordHash: `${parameters}$salt$key` }))];
  for (const admin of accounts) expect(parametersIn(hashesToCompare(inUse, admin))).toEqual([present, old, cheap]);
});

it("a password is compared with its administrator's own hash, and a damaged hash of another one is left out", () => {
  const passwordHash = `${old}$salt$key`;
  expect(hashesToCompare([present, old], { passwordHash })).toContain(passwordHash);
  expect(hashesToCompare([present, "damaged"], null)).toHaveLength(1);
});
