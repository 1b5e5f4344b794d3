import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { Ajv } from "ajv";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";

const require = createRequire(import.meta.url);

// No container engine is needed: the file is checked against the Compose Specification's own schema and against what
// docs/operations.md promises.
const read = (file: string) => readFileSync(new URL(`../${file}`, import.meta.url), "utf8");

interface Service {
  readonly image?: string;
  readonly command?: string;
  readonly restart?: string;
  readonly environment?: Record<string, string | null>;
  readonly depends_on?: Record<string, { condition: string }>;
  readonly healthcheck?: { test: string[] };
  readonly [key: string]: unknown;
}

const text = read("docker-compose.yml");
const compose: { services: Record<"postgres" | "redis" | "migrate" | "worker" | "api", Service> } = parse(text, {
  merge: true,
});
const { postgres, redis, migrate, worker, api } = compose.services;
const services = Object.entries(compose.services);
const needs = (service: Service) =>
  Object.fromEntries(Object.entries(service.depends_on ?? {}).map(([name, { condition }]) => [name, condition]));

test("docker-compose.yml follows the Compose Specification", () => {
  // dclint ships the specification's own schema.
  const file = new URL("schemas/compose.schema.json", pathToFileURL(require.resolve("dclint/package.json")));
  const { $schema: _draft7, ...schema } = JSON.parse(readFileSync(file, "utf8"));
  const validate = new Ajv({ strict: false, allErrors: true, validateFormats: false }).compile(schema);
  expect(validate({ services: { x: { imag: "typo" } } })).toBe(false);
  validate(compose);
  expect(validate.errors).toBeNull();
});

test("docker-compose.yml has no secret in it: the password must come from outside", () => {
  expect(postgres.environment?.POSTGRES_PASSWORD).toMatch(/^\$\{POSTGRES_PASSWORD:\?.+\}$/);
  for (const [, password] of text.matchAll(/:\/\/[^:\s/]+:([^@\s]+)@/g))
    expect(password).toMatch(/^\$\{POSTGRES_PASSWORD/);
  expect(text).not.toMatch(/(SECRET|TOKEN|API_KEY)\w*: *[^$\s]/);
});

test("of the services only the API publishes a port, and to this machine only", () => {
  for (const [name, service] of services) if (name !== "api") expect(service, name).not.toHaveProperty("ports");
  expect(api.ports).toEqual([expect.stringMatching(/^127\.0\.0\.1:/)]);
});

test("every image that is pulled has its major version pinned", () => {
  for (const [name, { image, build }] of services) if (!build) expect(image, name).toMatch(/:\d/);
});

describe("environment", () => {
  const named = Object.keys(worker.environment ?? {});
  test.each(named)("%s, which docker-compose.yml sets, is known to the worker", (name) =>
    expect(read("packages/runtime/src/env.ts")).toMatch(new RegExp(`\\b${name}\\b`)),
  );

  test("the services migrate and worker have the same environment, except for the worker's health check", () => {
    const { HEALTH_FILE, ...shared } = worker.environment ?? {};
    expect(migrate.environment).toEqual(shared);
    expect(worker.healthcheck?.test.join(" ")).toContain(HEALTH_FILE);
  });

  test.each(Object.keys(api.environment ?? {}).filter((name) => !named.includes(name)))(
    "%s, which docker-compose.yml sets, is known to the API",
    (name) => expect(read("apps/api/src/env.ts")).toMatch(new RegExp(`\\b${name}\\b`)),
  );

  test("every variable that docker-compose.yml takes from outside is in .env.example, and no other", () => {
    const environment = { ...api.environment, ...worker.environment };
    const set = Object.entries(environment).filter(([name, value]) => value === null || value.includes(`\${${name}:`));
    const handedOn = [...set.map(([name]) => name), "API_PORT"];
    const inExample = [...read(".env.example").matchAll(/^#?([A-Z][A-Z0-9_]+)=/gm)].map(([, name]) => name);
    expect(new Set(inExample)).toEqual(new Set(["POSTGRES_PASSWORD", ...handedOn]));
  });
});

describe("start order", () => {
  test("migrations wait for the database and run once", () => {
    expect(migrate).toMatchObject({ command: "migrate", restart: "no" });
    expect(needs(migrate)).toEqual({ postgres: "service_healthy" });
  });

  test("the API waits for the same services as the workers, and starts only on request", () => {
    expect(api).toMatchObject({ command: "api", profiles: ["api"] });
    expect(needs(api)).toEqual(needs(worker));
  });

  test("workers wait for the migrations and for Redis", () => {
    expect(worker.command).toBe("worker");
    expect(needs(worker)).toEqual({ migrate: "service_completed_successfully", redis: "service_healthy" });
  });

  test.each(["postgres", "redis", "worker"] as const)("the service %s has a health check", (name) =>
    expect(compose.services[name].healthcheck?.test.length).toBeGreaterThan(1),
  );
});

test("workers can be started in any number and have time to finish their jobs", () => {
  for (const key of ["container_name", "hostname", "ports"]) expect(worker).not.toHaveProperty(key);
  expect(worker.stop_grace_period).toBe("30s");
});

test("Redis keeps its data and evicts nothing", () => {
  for (const option of ["--appendonly yes", "--appendfsync everysec", "--maxmemory-policy noeviction"]) {
    expect(redis.command).toContain(option);
  }
});
