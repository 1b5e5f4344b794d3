import type { FastifyInstance } from "fastify";
import type { Api } from "./api.ts";

const YEAR_MS = 365 * 86_400_000;

/** Whom to tell about a hole in this installation (RFC 9116); there is none unless SECURITY_CONTACT says who. */
export function registerSecurityTxt(server: FastifyInstance, { ctx, config }: Api): void {
  const { securityContact } = config;
  if (!securityContact) return;
  const access = { role: "public", scope: null } as const;
  server.get("/.well-known/security.txt", { config: { access }, schema: { hide: true } }, async (_request, reply) => {
    // Asked for at a moment, it is good for a year from then on; the standard wants a date.
    const expires = new Date(ctx.clock().getTime() + YEAR_MS).toISOString();
    return reply.type("text/plain; charset=utf-8").send(`Contact: ${securityContact}\nExpires: ${expires}\n`);
  });
}
