import { readFileSync } from "node:fs";
import { type Environment, wrongConfiguration } from "@cpa-payouts/runtime";

/** Variables that may hold a secret. Each may be given as `NAME_FILE` instead, as container platforms pass secrets. */
const secrets = ["DATABASE_URL", "REDIS_URL", "ALERT_WEBHOOK_URL", "SMTP_URL"];

/**
 * Returns the environment with each secret `NAME` read from the file that `NAME_FILE` names, trimmed.
 *
 * @throws InputError that names every file that cannot be read, and every secret that is given both ways
 */
export function readSecretFiles(env: Environment): Environment {
  const problems: string[] = [];
  const read: Record<string, string> = {};
  for (const name of secrets) {
    const file = env[`${name}_FILE`];
    if (!file) continue;
    if (env[name]) problems.push(`${name} and ${name}_FILE: set one of them`);
    const content = tryRead(file);
    if (content === null) problems.push(`${name}_FILE: ${file} cannot be read`);
    else read[name] = content;
  }
  if (problems.length > 0) throw wrongConfiguration(problems);
  return { ...env, ...read };
}

function tryRead(file: string): string | null {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    // Missing, a folder or without permission: the message is the same.
    return null;
  }
}
