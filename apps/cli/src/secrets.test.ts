import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { InputError } from "@cpa-payouts/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readSecretFiles } from "./secrets.ts";

describe("secrets in files", () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "payouts-secrets-"));
  });

  afterAll(async () => {
    await rm(folder, { recursive: true });
  });

  const file = async (name: string, content: string) => {
    const full = path.join(folder, name);
    await writeFile(full, content);
    return full;
  };
  const problemsOf = (env: Record<string, string>): readonly string[] => {
    try {
      readSecretFiles(env);
    } catch (cause) {
      if (cause instanceof InputError) return cause.problems;
      throw cause;
    }
    return [];
  };

  it.each(["DATABASE_URL", "REDIS_URL", "ALERT_WEBHOOK_URL", "SMTP_URL"])("%s may be given as a file", async (name) => {
    // Editors and `echo` end a file with a line break.
    const secret = await file(name, "postgres://user:password@host/database\n");
    expect(readSecretFiles({ [`${name}_FILE`]: secret })[name]).toBe("postgres://user:password@host/database");
  });

  it("variables without a secret file stay as they are", async () => {
    const secret = await file("redis", "redis://host");
    const env = { REDIS_URL_FILE: secret, DATABASE_URL: "postgres://host/x", LOG_FILE: "/nowhere.log", SMTP_URL: "" };
    expect(readSecretFiles(env)).toEqual({ ...env, REDIS_URL: "redis://host" });
  });

  it("an empty name of a secret file counts as unset", () => {
    const env = { DATABASE_URL_FILE: "", DATABASE_URL: "postgres://host/x" };
    expect(readSecretFiles(env)).toEqual(env);
  });

  it("a secret file replaces an empty value, which docker compose passes for an unset variable", async () => {
    const secret = await file("webhook", "https://example.com/x");
    expect(readSecretFiles({ ALERT_WEBHOOK_URL: "", ALERT_WEBHOOK_URL_FILE: secret })).toMatchObject({
      ALERT_WEBHOOK_URL: "https://example.com/x",
    });
  });

  it("all problems of secret files are reported at once, without the content of any secret", async () => {
    const secret = await file("smtp", "smtp://user:marker@host");
    const missing = path.join(folder, "missing");
    const problems = problemsOf({
      SMTP_URL: "smtp://user:marker@elsewhere",
      SMTP_URL_FILE: secret,
      DATABASE_URL_FILE: missing,
      REDIS_URL_FILE: folder,
    });
    expect(problems).toEqual([
      `DATABASE_URL_FILE: ${missing} cannot be read`,
      `REDIS_URL_FILE: ${folder} cannot be read`,
      "SMTP_URL and SMTP_URL_FILE: set one of them",
    ]);
  });
});
