import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import type { FastifyInstance } from "fastify";

interface OpenApiDocument {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, DocumentedOperation>>>>;
}

interface DocumentedOperation {
  readonly operationId?: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required?: boolean }[];
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, unknown>> }>>;
}

export interface Exchange {
  readonly method: string;
  readonly url: string;
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

export interface DocumentCheck {
  readonly document: OpenApiDocument;
  /** The ids of the operations that were answered successfully so far. */
  readonly called: ReadonlySet<string>;
  /** @throws Error when an answer does not match the document */
  check(exchange: Exchange): void;
}

type ValidatorOf = (pointer: string) => ValidateFunction;

const ajv = new Ajv2020({ strict: false, allErrors: true });
formats.default(ajv);

/** By the text of their document: each test has a server of its own, nearly always with the same document. */
const compiled = new Map<string, ValidatorOf>();

function validatorsOf(document: OpenApiDocument): ValidatorOf {
  const text = JSON.stringify(document);
  const known = compiled.get(text) ?? compile(document, `document${compiled.size}`);
  compiled.set(text, known);
  return known;
}

/** Gives a validator for each schema of a document, compiled when it is first used. */
function compile(document: OpenApiDocument, name: string): ValidatorOf {
  ajv.addSchema(document, name);
  const validators = new Map<string, ValidateFunction>();
  return (pointer) => {
    const known = validators.get(pointer) ?? ajv.compile({ $ref: `${name}#${pointer}` });
    validators.set(pointer, known);
    return known;
  };
}

/** Checks the answers of a server against its OpenAPI document. */
export function documentCheck(server: FastifyInstance): DocumentCheck {
  const document = server.swagger() as unknown as OpenApiDocument;
  const validatorOf = validatorsOf(document);
  const called = new Set<string>();
  return {
    document,
    called,
    check: ({ method, url, status, contentType, body }) => {
      const path = pathOf(document, method, url);
      if (path === null) return;
      const operation = document.paths[path]?.[method.toLowerCase()];
      const where = `${method} ${path} -> ${status}`;
      const documented = operation?.responses[status] ? String(status) : `${String(status)[0]}XX`;
      const response = operation?.responses[documented];
      if (!response) throw new Error(`${where} is not in the document: ${body.slice(0, 300)}`);
      if (status < 400 && operation?.operationId) called.add(operation.operationId);
      const type = contentType.split(";")[0] ?? "";
      if (status === 204) return;
      if (!response.content?.[type])
        throw new Error(`${where}: ${type} is not among ${Object.keys(response.content ?? {}).join()}`);
      if (!/^application\/(problem\+)?json$/.test(type)) return;
      const steps = ["paths", path, method.toLowerCase(), "responses", documented, "content", type, "schema"];
      const validate = validatorOf(`/${steps.map(escapeStep).join("/")}`);
      if (!validate(JSON.parse(body)))
        throw new Error(`${where}: ${ajv.errorsText(validate.errors)}: ${body.slice(0, 300)}`);
    },
  };
}

function escapeStep(step: string): string {
  return encodeURIComponent(step.replaceAll("~", "~0").replaceAll("/", "~1"));
}

/** The documented path that matches a URL; of several, the one with the fewest parameters. */
function pathOf({ paths }: OpenApiDocument, method: string, url: string): string | null {
  const { pathname } = new URL(url, "http://localhost");
  const fits = Object.keys(paths)
    .filter((path) => paths[path]?.[method.toLowerCase()])
    .filter((path) => new RegExp(`^${path.replace(/[.]/g, "\\.").replace(/\{\w+\}/g, "[^/]+")}$`).test(pathname))
    .sort((a, b) => a.split("{").length - b.split("{").length);
  return fits[0] ?? null;
}
