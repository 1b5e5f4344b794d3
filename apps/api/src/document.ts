import { readFileSync } from "node:fs";
import path from "node:path";
import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { FastifyInstance } from "fastify";
import { jsonSchemaTransform, jsonSchemaTransformObject } from "fastify-type-provider-zod";
import { setRule } from "./access/scope-rules.ts";
import type { Api } from "./api.ts";

/** Whoever may not sign in learns nothing about the API from its document either. */
const access = { role: "viewer", scope: null } as const;

/** The OpenAPI document, made from the same table as the routes, and a page that shows it without any outside host. */
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
      // Without one it would look for its own in its package, which the bundle does not have.
      logo: { type: "image/svg+xml", content: readFileSync(path.join(assets.documentation, "logo.svg")) },
      staticCSP: false,
      uiConfig: { tryItOutEnabled: true },
    });
  });
}
