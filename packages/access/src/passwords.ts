import { randomInt, scrypt, timingSafeEqual } from "node:crypto";
import { OperationError } from "@cpa-payouts/core";

/** The parameters of argon2id, with one lane. */
export interface PasswordCost {
  readonly memoryKiB: number;
  readonly passes: number;
}

/**
 * The cost of a password hash in production: more than the least that OWASP's Password Storage Cheat Sheet lists (19 MiB and
 * two passes). One hash takes about 70 ms of CPU time, in a thread of its own (docs/decisions/0024).
 */
const FULL_COST: PasswordCost = { memoryKiB: 32 * 1024, passes: 3 };

/** For the hashes of older versions (scrypt), of which each is replaced when its administrator signs in. */
const OLD_KEY_BYTES = 32;
const OLD_MAX_MEMORY = 64 * 1024 * 1024;
const ARGON2_VERSION = 19;
/** In base64: 16 bytes of salt, 32 bytes of key. */
const SALT_LENGTH = 22;
const KEY_LENGTH = 43;

/**
 * Hashes a password with a new salt.
 *
 * @param cost lower than the full cost only in tests, which sign in a hundred times
 * @returns parameters, salt and hash in one string (the PHC format), so that the parameters can be raised later
 */
export async function hashPassword(password: string, cost = FULL_COST): Promise<string> {
  const { hash } = await argon2();
  return hash(sameForAllKeyboards(password), { memoryCost: cost.memoryKiB, timeCost: cost.passes, parallelism: 1 });
}

/**
 * Whether a password matches a stored hash. The time taken does not depend on the result.
 *
 * @throws Error when the hash is not one of {@link hashPassword}
 */
export async function isPassword(password: string, stored: string): Promise<boolean> {
  if (stored.startsWith("scrypt$")) return isOldPassword(password, stored);
  if (!isKnownKind(stored)) throw new Error("a stored password hash is of an unknown kind");
  const { verify } = await argon2();
  return verify(stored, sameForAllKeyboards(password));
}

/** What the hashes of a cost begin with: kind and parameters, without salt and key. */
export function parametersOfCost({ memoryKiB, passes }: PasswordCost = FULL_COST): string {
  return `$argon2id$v=${ARGON2_VERSION}$m=${memoryKiB},t=${passes},p=1`;
}

/** Whether hashes with these parameters can be checked. */
export function isKnownKind(parameters: string): boolean {
  return parameters.startsWith("scrypt$") || parameters.startsWith("$argon2id$");
}

/** A hash with the given parameters that no password matches. Checking it takes the time that a real one takes. */
export function decoyHash(parameters: string): string {
  return `${parameters}$${"A".repeat(SALT_LENGTH)}$${"A".repeat(KEY_LENGTH)}`;
}

/** Loads the native module, which most commands do not need. @throws OperationError where it is not installed */
async function argon2(): Promise<typeof import("@node-rs/argon2")> {
  try {
    return await import("@node-rs/argon2");
  } catch (cause) {
    const platform = `${process.platform}-${process.arch}`;
    throw new OperationError(
      `@node-rs/argon2, which hashes passwords, cannot be loaded on ${platform}: run "npm ci" on this machine, or build the bundle on a machine of its kind`,
      { cause },
    );
  }
}

/**
 * What is hashed, and judged, of a password: keyboards differ in the code points that they send for the same letter.
 */
export function sameForAllKeyboards(password: string): string {
  return password.normalize("NFKC");
}

async function isOldPassword(password: string, stored: string): Promise<boolean> {
  const [, n, r, p, salt = "", key = ""] = stored.split("$");
  const cost = { N: Number(n), r: Number(r), p: Number(p), maxmem: OLD_MAX_MEMORY };
  const derived = await new Promise<Buffer>((resolve, reject) => {
    scrypt(sameForAllKeyboards(password), Buffer.from(salt, "base64url"), OLD_KEY_BYTES, cost, (error, found) =>
      error ? reject(error) : resolve(found),
    );
  });
  return timingSafeEqual(derived, Buffer.from(key, "base64url"));
}

/** Leaves out letters and digits that look alike. */
const ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789";
const GROUPS = 4;
const GROUP_LENGTH = 5;

/**
 * A random text of 99 bits that is easy to type, four groups of five characters: a generated password, or a recovery code for
 * a lost second factor. A fast hash of it does not reveal it.
 */
export function generatePassword(): string {
  const group = () => Array.from({ length: GROUP_LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join("");
  return Array.from({ length: GROUPS }, group).join("-");
}
