import { isIP } from "node:net";
import { isLoopback } from "@cpa-payouts/core";
import {
  type Environment,
  givenIn,
  list,
  problemsIn,
  publicUrl,
  wholeNumber,
  wrongConfiguration,
} from "@cpa-payouts/runtime";
import { z } from "zod";

/** Addresses and networks, separated by commas; each invalid one is reported as a problem of its own. */
const networks = list.superRefine((texts, issue) => {
  for (const text of texts.filter((one) => !isNetwork(one)))
    issue.addIssue(`"${text}" is not an address or network such as 10.0.0.0/8`);
});

function isNetwork(text: string): boolean {
  const [address = "", bits = "0", ...rest] = text.split("/");
  return isIP(address) !== 0 && /^\d{1,3}$/.test(bits) && rest.length === 0;
}

/** Every environment variable that the API reads, with its default (docs/configuration.md). */
const variables = z.object({
  API_HOST: z.string().default("127.0.0.1"),
  API_PORT: z.string().default("3000").pipe(wholeNumber(0, 65_535)),
  PUBLIC_URL: publicUrl.optional(),
  TRUSTED_PROXIES: z.string().default("").pipe(networks),
  TLS_CERT_FILE: z.string().optional(),
  TLS_KEY_FILE: z.string().optional(),
  SECURITY_CONTACT: z
    .string()
    .regex(/^(mailto:|https:\/\/)[^\p{Cc}\s]+$/u, "write a URI such as mailto:security@example.com")
    .optional(),
  API_RATE_LIMIT: z.string().default("1200").pipe(wholeNumber(1, 999_999_999)),
});

/** The API's part of the configuration. */
export interface ApiConfig {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  /** Whether `API_PORT` is unset. */
  readonly isDefaultPort: boolean;
  /** Where clients reach the API, such as `https://payouts.example.com`; null for the address it listens on. */
  readonly publicUrl: string | null;
  /** The proxies whose `X-Forwarded-For` is believed; if empty, the header is always ignored. */
  readonly trustedProxies: readonly string[];
  readonly tls: { readonly certFile: string; readonly keyFile: string } | null;
  /** Where to report a vulnerability, as a URI; null if no contact is configured. */
  readonly securityContact: string | null;
  /** Requests that one client may make per minute. */
  readonly rateLimit: number;
}

/**
 * Reads the API's part of the configuration; an empty value counts as unset.
 *
 * @throws InputError that lists every problem, including an address that other machines can reach without https
 */
export function readApiConfig(env: Environment): ApiConfig {
  const given = givenIn(env);
  const parsed = variables.safeParse(given);
  const problems = parsed.success ? findProblems(parsed.data) : problemsIn(parsed);
  if (!parsed.success || problems.length > 0) throw wrongConfiguration(problems);
  const { data } = parsed;
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

/**
 * An address that other machines can reach needs https, since passwords and sessions must not cross a network in clear
 * text. It also needs PUBLIC_URL, against which the host and the origin of requests are checked.
 */
function findProblems(data: z.output<typeof variables>): string[] {
  const problems: string[] = [];
  if (Boolean(data.TLS_CERT_FILE) !== Boolean(data.TLS_KEY_FILE))
    problems.push("TLS_CERT_FILE and TLS_KEY_FILE: set both or none");
  if (isLoopback(data.API_HOST)) return problems;
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
