import { InputError } from "@cpa-payouts/core";
import { describe, expect, it } from "vitest";
import { readApiConfig } from "./env.ts";

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    readApiConfig(env);
    return [];
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause;
    return cause.problems;
  }
}

const publicUrl = { PUBLIC_URL: "https://payouts.example.com" };

describe("API configuration", () => {
  it("the API listens on 127.0.0.1 only by default", () => {
    expect(readApiConfig({ API_HOST: "", PUBLIC_URL: "" })).toEqual({
      host: "127.0.0.1",
      port: 3000,
      isDefaultPort: true,
      publicUrl: null,
      trustedProxies: [],
      tls: null,
      securityContact: null,
      rateLimit: 1200,
    });
  });

  it("environment variables replace the defaults", () => {
    const env = {
      ...publicUrl,
      API_PORT: "0",
      TRUSTED_PROXIES: "10.0.0.0/8, ::1",
      TLS_CERT_FILE: "c",
      TLS_KEY_FILE: "k",
    };
    expect(readApiConfig(env)).toMatchObject({
      port: 0,
      publicUrl: "https://payouts.example.com",
      trustedProxies: ["10.0.0.0/8", "::1"],
      tls: { certFile: "c", keyFile: "k" },
    });
  });

  it.each(["127.0.0.1", "127.0.0.9", "::1", "localhost"])("the API may listen on %s without https", (host) => {
    expect(problemsOf({ API_HOST: host })).toEqual([]);
  });

  it.each(["0.0.0.0", "::", "10.1.2.3", "payouts.example.com"])("the API cannot listen on %s without https", (host) => {
    expect(problemsOf({ API_HOST: host })).toEqual([
      expect.stringContaining(`API_HOST: ${host} can be reached from elsewhere; set TLS_CERT_FILE and TLS_KEY_FILE`),
      expect.stringContaining("set PUBLIC_URL to the https address"),
    ]);
    expect(problemsOf({ API_HOST: host, ...publicUrl, TRUSTED_PROXIES: "10.0.0.1" })).toEqual([]);
    expect(problemsOf({ API_HOST: host, ...publicUrl, TLS_CERT_FILE: "c", TLS_KEY_FILE: "k" })).toEqual([]);
    expect(
      problemsOf({ API_HOST: host, PUBLIC_URL: "http://payouts.example.com", TRUSTED_PROXIES: "10.0.0.1" }),
    ).toHaveLength(1);
  });

  it("all problems of the configuration are reported at once", () => {
    expect(
      problemsOf({
        API_PORT: "70000",
        PUBLIC_URL: "payouts",
        TRUSTED_PROXIES: "proxy, 10.0.0.0/8/9",
        API_RATE_LIMIT: "0",
      }),
    ).toEqual([
      "API_PORT: write a whole number from 0 to 65535",
      "PUBLIC_URL: write a URL such as https://payouts.example.com",
      'TRUSTED_PROXIES: "proxy" is not an address or network such as 10.0.0.0/8',
      'TRUSTED_PROXIES: "10.0.0.0/8/9" is not an address or network such as 10.0.0.0/8',
      "API_RATE_LIMIT: write a whole number from 1 to 999999999",
    ]);
    expect(problemsOf({ TLS_CERT_FILE: "c" })).toEqual(["TLS_CERT_FILE and TLS_KEY_FILE: set both or none"]);
  });
});
