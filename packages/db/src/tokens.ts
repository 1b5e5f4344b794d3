import { hash, randomBytes } from "node:crypto";

const SECRET_BYTES = 32;

/** A random token of 256 bits, fit for URLs and headers. The database stores its hash only. */
export function newToken(): string {
  return randomBytes(SECRET_BYTES).toString("base64url");
}

/** The SHA-256 hash of a text, in hexadecimal digits. */
export function sha256(text: string): string {
  return hash("sha256", text, "hex");
}
