import { SESSION_LIFE_MS } from "@cpa-payouts/db";
import type { FastifyReply, FastifyRequest } from "fastify";
import { isSecure } from "./api.ts";
import type { ApiConfig } from "./env.ts";

/** The cookie that holds the session's token: out of reach for scripts, and not sent along by other sites. */
export function sessionCookie(config: ApiConfig) {
  const secure = isSecure(config);
  // Browsers accept a name with this prefix only over https, from this very host, for all of its paths.
  const name = secure ? "__Host-payouts-session" : "payouts-session";
  const options = { path: "/", httpOnly: true, sameSite: "strict", secure } as const;
  return {
    read: (request: FastifyRequest): string | undefined => request.cookies[name],
    write: (reply: FastifyReply, token: string): void => {
      void reply.setCookie(name, token, { ...options, maxAge: SESSION_LIFE_MS / 1_000 });
    },
    clear: (reply: FastifyReply): void => {
      void reply.clearCookie(name, options);
    },
  };
}
