import { findSmtpProblem, findWebhookProblem } from "@cpa-payouts/alerts";
import {
  findScheduleProblem,
  InputError,
  type LogLevel,
  logLevels,
  type OverridableCheck,
  overridableChecks,
  type Policy,
  parseCents,
} from "@cpa-payouts/core";
import { z } from "zod";
import {
  type Environment,
  givenIn,
  list,
  problemsIn,
  publicUrl,
  urlOf,
  wholeNumber,
  wrongConfiguration,
} from "./environment.ts";

/** The poolers in front of the database; `transaction` lends a connection for one transaction at a time. */
const poolers = ["none", "transaction"] as const;

const amount = z.string().transform((text, issue) => {
  try {
    const cents = parseCents(text);
    if (cents > 0n) return cents;
    issue.addIssue("it must be more than 0");
  } catch (cause) {
    if (!(cause instanceof InputError)) throw cause;
    issue.addIssue(cause.message);
  }
  return z.NEVER;
});

/** Names of checks, comma-separated; each unknown name is a separate problem. */
const checkNames = list.transform((names, issue) =>
  names.flatMap((name) => {
    const known = overridableChecks.find((check) => check === name);
    if (known) return [known];
    issue.addIssue(`"${name}" is not one of ${overridableChecks.join(", ")}`);
    return [];
  }),
);

/** A text that is valid when `findProblem` returns null; otherwise the result is the problem. */
function fit(findProblem: (text: string) => string | null) {
  return z.string().superRefine((text, issue) => {
    const problem = findProblem(text);
    if (problem) issue.addIssue(problem);
  });
}

const EMAIL = /^[^\s@<>,;]+@[^\s@<>,;]+$/;
const email = z.string().regex(EMAIL, "write an address such as payouts@example.com");

const emails = list.superRefine((addresses, issue) => {
  if (addresses.length === 0) issue.addIssue("write an address such as finance@example.com");
  for (const address of addresses.filter((text) => !EMAIL.test(text)))
    issue.addIssue(`"${address}" is not an address such as finance@example.com`);
});

const defaultSchedule = { timeZone: "UTC", pattern: "0 2 * * *" };

/** Every environment variable that is read, with its default (docs/configuration.md). */
const variables = z.object({
  NODE_ENV: z.string().default("development"),
  DATABASE_URL: urlOf(["postgres:", "postgresql:"], "postgres://user:password@host:5432/database").optional(),
  DATABASE_POOLER: z.enum(poolers, `write one of ${poolers.join(", ")}`).default("none"),
  REDIS_URL: urlOf(["redis:", "rediss:"], "redis://host:6379").optional(),
  QUEUE_PREFIX: z
    .string()
    .regex(/^[\w-]{1,40}$/, "write 1 to 40 letters, digits, - or _")
    .default("payouts"),
  PAYMENT_TIME_ZONE: z.string().default(defaultSchedule.timeZone),
  PAYMENT_TICK_CRON: z.string().default(defaultSchedule.pattern),
  MINIMUM_BALANCE: z.string().default("100.00").pipe(amount),
  CATCH_UP_DAYS: z.string().default("7").pipe(wholeNumber(0, 366)),
  WORKER_CONCURRENCY: z.string().default("1000").pipe(wholeNumber(1, 5000)),
  QUEUE_HIGH_WATER_MARK: z.string().default("20000").pipe(wholeNumber(1, 999_999_999)),
  LOG_LEVEL: z.enum(logLevels, `write one of ${logLevels.join(", ")}`).optional(),
  LOG_FILE: z.string().optional(),
  HEALTH_FILE: z.string().optional(),
  METRICS_HOST: z.string().default("127.0.0.1"),
  METRICS_PORT: wholeNumber(0, 65_535).optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: urlOf(["http:", "https:"], "http://collector:4318").optional(),
  ALLOW_UNSAFE: z.string().default("").pipe(checkNames),
  ALERT_WEBHOOK_URL: fit(findWebhookProblem).optional(),
  SMTP_URL: fit(findSmtpProblem).optional(),
  ALERT_EMAIL_FROM: email.optional(),
  ALERT_EMAIL_TO: emails.optional(),
  PUBLIC_URL: publicUrl.optional(),
});

export interface Config {
  readonly isProduction: boolean;
  /** Null for the embedded database. */
  readonly databaseUrl: string | null;
  /** Whether the database is reached through a pooler that lends a connection for one transaction at a time. */
  readonly isPooled: boolean;
  /** Null for a queue in the database. */
  readonly redisUrl: string | null;
  readonly queuePrefix: string;
  readonly workerConcurrency: number;
  /** The maximum number of a run's jobs in the queue at a time. */
  readonly highWaterMark: number;
  /** Null when unset: each command has its own default. */
  readonly logLevel: LogLevel | null;
  /** Null for stderr. */
  readonly logFile: string | null;
  /** Written every 10 seconds while a worker reaches its database and queue; null for none. */
  readonly healthFile: string | null;
  /** The address at which a worker serves its metrics; port 0 takes a free one. Null when it serves none. */
  readonly metricsAddress: { readonly host: string; readonly port: number } | null;
  /** Whether traces are sent to a collector; OpenTelemetry reads the address and options from its own variables. */
  readonly isTraced: boolean;
  /** The checks that only warn in production, instead of refusing the start. */
  readonly allowUnsafe: readonly OverridableCheck[];
  readonly policy: Policy;
  /** The channels for alerts; null for one that is not used. */
  readonly alerts: {
    readonly webhookUrl: string | null;
    readonly email: { readonly smtpUrl: string; readonly from: string; readonly to: readonly string[] } | null;
    /** The URL at which people reach the API, without a path; for links. */
    readonly publicUrl: string | null;
  };
}

/**
 * Reads the configuration from environment variables; an empty value counts as unset.
 *
 * @param now the start of the three years for which the tick's schedule is checked
 * @throws InputError that names every problem at once
 */
export function readConfig(env: Environment, now: Date): Config {
  const given = givenIn(env);
  const parsed = variables.safeParse(given);
  const problems = problemsIn(parsed);
  const schedule = {
    timeZone: given.PAYMENT_TIME_ZONE ?? defaultSchedule.timeZone,
    pattern: given.PAYMENT_TICK_CRON ?? defaultSchedule.pattern,
  };
  const scheduleProblem = findScheduleProblem(schedule, now);
  if (scheduleProblem)
    problems.push(`PAYMENT_TIME_ZONE and PAYMENT_TICK_CRON: ${scheduleProblem}; it must fire once a day`);
  if (given.DATABASE_POOLER === "transaction" && !given.DATABASE_URL)
    problems.push("DATABASE_POOLER: the embedded database has no pooler; set DATABASE_URL, too");
  problems.push(...findMailProblems(given));
  if (!parsed.success || problems.length > 0) throw wrongConfiguration(problems);
  const { data } = parsed;
  return {
    isProduction: data.NODE_ENV === "production",
    databaseUrl: data.DATABASE_URL ?? null,
    isPooled: data.DATABASE_POOLER === "transaction",
    redisUrl: data.REDIS_URL ?? null,
    queuePrefix: data.QUEUE_PREFIX,
    workerConcurrency: data.WORKER_CONCURRENCY,
    highWaterMark: data.QUEUE_HIGH_WATER_MARK,
    logLevel: data.LOG_LEVEL ?? null,
    logFile: data.LOG_FILE ?? null,
    healthFile: data.HEALTH_FILE ?? null,
    metricsAddress: data.METRICS_PORT === undefined ? null : { host: data.METRICS_HOST, port: data.METRICS_PORT },
    isTraced: data.OTEL_EXPORTER_OTLP_ENDPOINT !== undefined,
    allowUnsafe: data.ALLOW_UNSAFE,
    policy: { schedule, minimumBalanceCents: data.MINIMUM_BALANCE, catchUpDays: data.CATCH_UP_DAYS },
    alerts: readAlerts(data),
  };
}

const mailVariables = ["SMTP_URL", "ALERT_EMAIL_FROM", "ALERT_EMAIL_TO"];

/** An incomplete mail set-up is refused, because otherwise it would go unnoticed until an alert fails to arrive. */
function findMailProblems(given: Readonly<Record<string, unknown>>): string[] {
  const unset = mailVariables.filter((name) => given[name] === undefined);
  if (unset.length === 0 || unset.length === mailVariables.length) return [];
  return [`${unset.join(" and ")}: alerts by e-mail need ${mailVariables.join(", ")}; set all of them or none`];
}

function readAlerts(data: z.output<typeof variables>): Config["alerts"] {
  const { SMTP_URL: smtpUrl, ALERT_EMAIL_FROM: from, ALERT_EMAIL_TO: to } = data;
  return {
    webhookUrl: data.ALERT_WEBHOOK_URL ?? null,
    email: smtpUrl && from && to ? { smtpUrl, from, to } : null,
    publicUrl: data.PUBLIC_URL ?? null,
  };
}
