import type { FastifyInstance } from "fastify";
import type { Api } from "./api.ts";

const YEAR_MS = 365 * 86_400_000;

/** Serves the contact for vulnerabilities in this installation (RFC 9116) if SECURITY_CONTACT is set. */
export function registerSecurityTxt(server: FastifyInstance, { ctx, config }: Api): void {
  const { securityContact } = config;
  if (!securityContact) return;
  const access = { role: "public", scope: null } as const;
  server.get("/.well-known/security.txt", { config: { access }, schema: { hide: true } }, async (_request, reply) => {
    // The standard requires an expiry; each response is valid for a year.
    const expires = new Date(ctx.clock().getTime() + YEAR_MS).toISOString();
    return reply.type("text/plain; charset=utf-8").send(`Contact: ${securityContact}\nExpires: ${expires}\n`);
  });
}
