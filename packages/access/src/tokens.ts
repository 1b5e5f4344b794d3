import { newToken, sha256 } from "@cpa-payouts/db";

const API_TOKEN_PREFIX = "payouts_";

/** A random token of 256 bits, the value of a session's cookie. */
export function newSessionToken(): string {
  return newToken();
}

/** A random token for a program, 256 bits; its prefix lets secret scanners recognise it in source code. */
export function newApiToken(): string {
  return API_TOKEN_PREFIX + newToken();
}

/**
 * The SHA-256 hash that is stored instead of a token or a recovery code. A slow hash would add nothing, since tokens have 256
 * random bits and recovery codes 99.
 */
export function hashToken(token: string): string {
  return sha256(token);
}
