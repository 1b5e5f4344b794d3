import { readFileSync } from "node:fs";
import path from "node:path";
import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { FastifyInstance } from "fastify";
import { jsonSchemaTransform, jsonSchemaTransformObject } from "fastify-type-provider-zod";
import { setRule } from "./access/scope-rules.ts";
import type { Api } from "./api.ts";

/** Administrators only, so that the document does not describe the API to anyone who may not use it. */
const access = { role: "viewer", scope: null } as const;

/** Serves the OpenAPI document, made from the same table as the routes, and Swagger UI, which uses no outside host. */
export async function registerDocument(server: FastifyInstance, { assets }: Api): Promise<void> {
  await server.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "CPA Payouts",
        version: "1",
        description:
          "The admin API. People sign in and carry a session cookie; programs carry `Authorization: Bearer TOKEN`. Amounts are decimal strings in US dollars, instants ISO 8601 in UTC, dates local to the payment time zone. Every error is a Problem.",
      },
      components: {
        securitySchemes: {
          session: { type: "apiKey", in: "cookie", name: "payouts-session" },
          token: { type: "http", scheme: "bearer" },
        },
      },
    },
    transform: jsonSchemaTransform,
    transformObject: jsonSchemaTransformObject,
  });
  await server.register(async (docs) => {
    setRule(docs, access);
    await docs.register(swaggerUi, {
      routePrefix: "/docs",
      baseDir: assets.documentation,
      // Without this, Swagger UI reads the logo from its own package, which the bundle does not contain.
      logo: { type: "image/svg+xml", content: readFileSync(path.join(assets.documentation, "logo.svg")) },
      staticCSP: false,
      uiConfig: { tryItOutEnabled: true },
    });
  });
}
