import { randomBytes, randomInt, scrypt, timingSafeEqual } from "node:crypto";

/**
 * scrypt of Node itself, with parameters that OWASP's Password Storage Cheat Sheet gives as equal to its argon2id ones
 * (docs/decisions/0011). 32 MB and about 0.2 s each, in a thread of its own.
 */
const COST = { N: 2 ** 15, r: 8, p: 3 };
const KEY_BYTES = 32;
const SALT_BYTES = 16;
const MAX_MEMORY = 64 * 1024 * 1024;

/**
 * @param cost less than the default in tests only, which sign in a hundred times
 * @returns parameters, salt and hash in one line, so that the parameters may be raised later
 */
export async function hashPassword(password: string, cost = COST): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const key = await derive(password, salt, cost);
  return ["scrypt", cost.N, cost.r, cost.p, salt.toString("base64url"), key.toString("base64url")].join("$");
}

/** Whether it is the password of a hash; takes as long when it is not. */
export async function isPassword(password: string, hash: string): Promise<boolean> {
  const [kind, n, r, p, salt = "", key = ""] = hash.split("$");
  if (kind !== "scrypt") throw new Error("a stored password hash is of an unknown kind");
  const expected = Buffer.from(key, "base64url");
  const cost = { N: Number(n), r: Number(r), p: Number(p) };
  return timingSafeEqual(await derive(password, Buffer.from(salt, "base64url"), cost), expected);
}

/** Compared with when there is no such administrator, so that the time taken does not tell. Nobody's password. */
export const NOBODYS_HASH = `scrypt$${COST.N}$${COST.r}$${COST.p}$${"A".repeat(22)}$${"A".repeat(43)}`;

function derive(password: string, salt: Buffer, cost: typeof COST): Promise<Buffer> {
  // Two keyboards may write the same letter with different code points.
  const text = password.normalize("NFKC");
  return new Promise((resolve, reject) => {
    scrypt(text, salt, KEY_BYTES, { ...cost, maxmem: MAX_MEMORY }, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}

/** Without letters and digits that look alike. */
const ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789";
const GROUPS = 4;
const GROUP_LENGTH = 5;

/** A password that nobody guesses (99 bits) and that can be typed: four groups of five. */
export function generatePassword(): string {
  return groups(GROUPS);
}

/** A code for the day when the telephone is gone (49 bits, throttled like a password). */
export function generateRecoveryCode(): string {
  return groups(2);
}

function groups(count: number): string {
  const group = () => Array.from({ length: GROUP_LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join("");
  return Array.from({ length: count }, group).join("-");
}
