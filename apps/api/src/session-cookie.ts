import { SESSION_LIFE_MS } from "@cpa-payouts/db";
import type { FastifyReply, FastifyRequest } from "fastify";
import { isSecure } from "./api.ts";
import type { ApiConfig } from "./env.ts";

/** The cookie that holds the session's token. Scripts cannot read it, and other sites' requests do not carry it. */
export function sessionCookie(config: ApiConfig) {
  const secure = isSecure(config);
  // Browsers accept a name with this prefix only over https, for this exact host and all of its paths.
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
