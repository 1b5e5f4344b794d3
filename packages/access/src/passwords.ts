import { randomBytes, randomInt, scrypt, timingSafeEqual } from "node:crypto";

/** The parameters of scrypt: the iterations (a power of two), the block size and the parallelism. */
export interface PasswordCost {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

/**
 * The cost of a password hash in production. OWASP's Password Storage Cheat Sheet lists these parameters as equal to its
 * argon2id ones (docs/decisions/0011). One hash takes 32 MB and about 0.2 s, in a thread of its own.
 */
export const FULL_COST: PasswordCost = { N: 2 ** 15, r: 8, p: 3 };

const KEY_BYTES = 32;
const SALT_BYTES = 16;
const MAX_MEMORY = 64 * 1024 * 1024;

/**
 * Hashes a password with a new salt.
 *
 * @param cost lower than the full cost only in tests, which sign in a hundred times
 * @returns parameters, salt and hash in one string, so that the parameters can be raised later
 */
export async function hashPassword(password: string, cost = FULL_COST): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const key = await derive(password, salt, cost);
  return ["scrypt", cost.N, cost.r, cost.p, salt.toString("base64url"), key.toString("base64url")].join("$");
}

/**
 * Whether a password matches a stored hash. The time taken does not depend on the result.
 *
 * @throws Error when the hash is not one of {@link hashPassword}
 */
export async function isPassword(password: string, hash: string): Promise<boolean> {
  const [kind, n, r, p, salt = "", key = ""] = hash.split("$");
  if (kind !== "scrypt") throw new Error("a stored password hash is of an unknown kind");
  const expected = Buffer.from(key, "base64url");
  const cost = { N: Number(n), r: Number(r), p: Number(p) };
  return timingSafeEqual(await derive(password, Buffer.from(salt, "base64url"), cost), expected);
}

/**
 * A hash that no password matches. The password given for an unknown e-mail is compared with it, so that the time taken
 * does not reveal whether the account exists.
 *
 * @param cost that of the stored hashes, since comparing with another one would take another time
 */
export function decoyHash({ N, r, p }: PasswordCost = FULL_COST): string {
  return `scrypt$${N}$${r}$${p}$${"A".repeat(22)}$${"A".repeat(43)}`;
}

function derive(password: string, salt: Buffer, cost: PasswordCost): Promise<Buffer> {
  // Keyboards differ in the code points that they send for the same letter.
  const text = password.normalize("NFKC");
  return new Promise((resolve, reject) => {
    scrypt(text, salt, KEY_BYTES, { ...cost, maxmem: MAX_MEMORY }, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}

/** Leaves out letters and digits that look alike. */
const ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789";
const GROUPS = 4;
const GROUP_LENGTH = 5;

/** A random password of 99 bits that is easy to type: four groups of five characters. */
export function generatePassword(): string {
  return groups(GROUPS);
}

/**
 * A recovery code for a lost second factor: 49 random bits. Tries are limited like those of a password. A reader of the
 * database can find the code from its hash, but also reads the TOTP secret there: both are of use only with the password.
 */
export function generateRecoveryCode(): string {
  return groups(2);
}

function groups(count: number): string {
  const group = () => Array.from({ length: GROUP_LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join("");
  return Array.from({ length: count }, group).join("-");
}
