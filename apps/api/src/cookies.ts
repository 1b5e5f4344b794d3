import { DEVICE_LIFE_MS, SESSION_LIFE_MS } from "@cpa-payouts/db";
import type { FastifyReply, FastifyRequest } from "fastify";
import { isSecure } from "./api.ts";
import type { ApiConfig } from "./env.ts";

/** The cookie that holds the session's token. */
export function sessionCookie(config: ApiConfig) {
  return strictCookie(config, "payouts-session", SESSION_LIFE_MS);
}

/** The cookie by which a browser is known in which an administrator has signed in. It outlives the session. */
export function deviceCookie(config: ApiConfig) {
  return strictCookie(config, "payouts-device", DEVICE_LIFE_MS);
}

/** A cookie that scripts cannot read, and that other sites' requests do not carry. */
function strictCookie(config: ApiConfig, plainName: string, lifeMs: number) {
  const secure = isSecure(config);
  // Browsers accept a name with this prefix only over https, for this exact host and all of its paths.
  const name = secure ? `__Host-${plainName}` : plainName;
  const options = { path: "/", httpOnly: true, sameSite: "strict", secure } as const;
  return {
    read: (request: FastifyRequest): string | undefined => request.cookies[name],
    write: (reply: FastifyReply, token: string): void => {
      void reply.setCookie(name, token, { ...options, maxAge: lifeMs / 1_000 });
    },
    clear: (reply: FastifyReply): void => {
      void reply.clearCookie(name, options);
    },
  };
}
