import { isIP } from "node:net";
import { InputError } from "@cpa-payouts/core";
import { z } from "zod";

const wholeNumber = (from: number, to: number) => {
  const message = `write a whole number from ${from} to ${to}`;
  return z
    .string()
    .regex(/^\d{1,9}$/, message)
    .transform(Number)
    .pipe(z.number().min(from, message).max(to, message));
};

const url = z
  .string()
  .refine((text) => URL.canParse(text) && ["http:", "https:"].includes(new URL(text).protocol), {
    message: "write a URL such as https://payouts.example.com",
  })
  .transform((text) => new URL(text).origin);

/** Addresses and networks, separated by commas. */
const networks = z.string().transform((text, issue) =>
  text
    .split(",")
    .map((network) => network.trim())
    .filter((network) => network !== "")
    .flatMap((network) => {
      const [address = "", bits = "0", ...rest] = network.split("/");
      if (isIP(address) && /^\d{1,3}$/.test(bits) && rest.length === 0) return [network];
      issue.addIssue(`"${network}" is not an address or network such as 10.0.0.0/8`);
      return [];
    }),
);

/** Every variable of the environment that means something to the API, with its default (README, "Configuration"). */
const variables = z.object({
  API_HOST: z.string().default("127.0.0.1"),
  API_PORT: z.string().default("3000").pipe(wholeNumber(0, 65_535)),
  PUBLIC_URL: url.optional(),
  TRUSTED_PROXIES: z.string().default("").pipe(networks),
  TLS_CERT_FILE: z.string().optional(),
  TLS_KEY_FILE: z.string().optional(),
  SECURITY_CONTACT: z
    .string()
    .regex(/^(mailto:|https:\/\/)[^\p{Cc}\s]+$/u, "write a URI such as mailto:security@example.com")
    .optional(),
  API_RATE_LIMIT: z.string().default("1200").pipe(wholeNumber(1, 999_999_999)),
});

export interface ApiConfig {
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  /** Whether nobody asked for this port. */
  readonly isDefaultPort: boolean;
  /** Where people reach the API, such as `https://payouts.example.com`; null for the address it listens on. */
  readonly publicUrl: string | null;
  /** The proxies whose `X-Forwarded-For` is believed; nobody's if empty. */
  readonly trustedProxies: readonly string[];
  readonly tls: { readonly certFile: string; readonly keyFile: string } | null;
  /** Whom to tell about a hole, as a URI; null for nobody in particular. */
  readonly securityContact: string | null;
  /** Requests that one client may make per minute. */
  readonly rateLimit: number;
}

/**
 * Reads the API's part of the configuration; an empty value counts as unset.
 *
 * @throws InputError that names every problem at once, one of which is a public address without https
 */
export function readApiConfig(env: Readonly<Record<string, string | undefined>>): ApiConfig {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ""));
  const parsed = variables.safeParse(given);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
    throw new InputError(`the configuration is wrong: ${problems.join("; ")}`, problems);
  }
  const { data } = parsed;
  const problems = findProblems(data);
  if (problems.length > 0) throw new InputError(`the configuration is wrong: ${problems.join("; ")}`, problems);
  const { TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile } = data;
  return {
    host: data.API_HOST,
    port: data.API_PORT,
    isDefaultPort: given.API_PORT === undefined,
    publicUrl: data.PUBLIC_URL ?? null,
    trustedProxies: data.TRUSTED_PROXIES,
    tls: certFile && keyFile ? { certFile, keyFile } : null,
    securityContact: data.SECURITY_CONTACT ?? null,
    rateLimit: data.API_RATE_LIMIT,
  };
}

const LOOPBACK = /^(localhost|127(\.\d+){3}|::1)$/;

/** Passwords and sessions never cross a network in clear text, and a page elsewhere cannot pass for ours. */
function findProblems(data: z.output<typeof variables>): string[] {
  const problems: string[] = [];
  if (Boolean(data.TLS_CERT_FILE) !== Boolean(data.TLS_KEY_FILE))
    problems.push("TLS_CERT_FILE and TLS_KEY_FILE: set both or none");
  if (LOOPBACK.test(data.API_HOST)) return problems;
  if (!data.TLS_CERT_FILE && data.TRUSTED_PROXIES.length === 0)
    problems.push(
      `API_HOST: ${data.API_HOST} can be reached from elsewhere; set TLS_CERT_FILE and TLS_KEY_FILE, or TRUSTED_PROXIES to the proxy that speaks https`,
    );
  if (!data.PUBLIC_URL?.startsWith("https:"))
    problems.push(
      `API_HOST: ${data.API_HOST} can be reached from elsewhere; set PUBLIC_URL to the https address that people use`,
    );
  return problems;
}
