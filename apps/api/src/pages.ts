import type { FastifyInstance, FastifyRequest } from "fastify";

const open = { role: "public", scope: null } as const;
const signedIn = { role: "viewer", scope: null } as const;
const schema = { hide: true } as const;
const HTML = "text/html; charset=utf-8";

/** Serves the pages of the API itself: the sign-in page, and a home page with links to `/docs` and `/queues`. */
export function registerPages(server: FastifyInstance): void {
  server.get("/sign-in", { config: { access: open }, schema }, async (_request, reply) =>
    reply.type(HTML).send(SIGN_IN),
  );
  server.get("/sign-in.js", { config: { access: open }, schema }, async (_request, reply) =>
    reply.type("text/javascript; charset=utf-8").send(SIGN_IN_SCRIPT),
  );
  server.get("/", { config: { access: signedIn }, schema }, async (_request, reply) => reply.type(HTML).send(HOME));
}

/**
 * Where to redirect a browser that opens a page without being signed in, or before an issued password was changed.
 *
 * @returns the sign-in page, which goes on to the requested page; null for other requests, which get a 401 instead
 */
export function signInPathFor({
  method,
  url,
  headers,
}: Pick<FastifyRequest, "method" | "url" | "headers">): string | null {
  const isPage = method === "GET" && headers.accept?.includes("text/html") && !url.startsWith("/api/");
  return isPage ? `/sign-in?next=${encodeURIComponent(url)}` : null;
}

const STYLE = `
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 22rem; margin: 12vh auto 0; padding: 0 1rem; color: #1f2933; background: #fff; }
  h1 { font-size: 1.4rem; }
  label { display: block; margin-top: 1rem; font-weight: 600; }
  label[hidden] { display: none; }
  input, button { font: inherit; box-sizing: border-box; width: 100%; padding: .5rem .6rem; margin-top: .25rem; border: 1px solid #7b8794; border-radius: 4px; }
  input { font-weight: 400; }
  button { margin-top: 1.5rem; background: #0b69a3; color: #fff; border-color: #0b69a3; cursor: pointer; }
  button:disabled { opacity: .6; }
  [role=alert] { color: #ab091e; min-height: 1.5rem; margin-top: 1rem; }
  [role=alert]::first-letter { text-transform: uppercase; }
  @media (prefers-color-scheme: dark) { body { color: #e4e7eb; background: #1f2933; } input { background: #323f4b; color: inherit; } a { color: #7cc4fa; } [role=alert] { color: #ff9b9b; } }`;

function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,"><title>${title}</title><style>${STYLE}</style></head>
<body>${body}</body>
</html>
`;
}

const SIGN_IN = page(
  "Sign in - CPA Payouts",
  `<main><h1>CPA Payouts</h1>
<form id="sign-in" method="post">
<label>E-mail<input id="email" type="email" name="email" autocomplete="username" required autofocus></label>
<label id="present-password">Password<input id="password" type="password" name="password" autocomplete="current-password" required></label>
<label id="second-factor" hidden>Code of the second factor, or a recovery code<input id="code" name="code" autocomplete="one-time-code"></label>
<label id="own-password" hidden>Another person issued your password. Choose a new one:<input id="new-password" type="password" name="new-password" autocomplete="new-password"></label>
<button id="send">Sign in</button>
<p id="problem" role="alert"></p>
</form>
<noscript>Signing in needs JavaScript.</noscript></main>
<script src="/sign-in.js"></script>`,
);

const HOME = page(
  "CPA Payouts",
  `<main><h1>CPA Payouts</h1>
<p><a href="/docs/">The admin API</a>: read about every operation and try it.</p>
<p><a href="/queues">The queues</a>: jobs and their states, including failed jobs.</p></main>`,
);

/** Served as a separate file, since the content security policy forbids inline scripts. */
const SIGN_IN_SCRIPT = `"use strict";
const byId = (id) => document.getElementById(id);
const next = pageOf(new URLSearchParams(location.search).get("next"));

// Only a path of this server: a forged link must not lead to another site. A browser reads "//host" and "/\\host" as addresses
// of another one, and a whole address keeps it from reading a path in that way.
function pageOf(text) {
  try {
    const url = new URL(text ?? "/", location.origin);
    return text?.startsWith("/") && url.origin === location.origin ? url.href : "/";
  } catch {
    return "/";
  }
}

async function signIn() {
  const code = byId("code").value.trim();
  const credentials = { email: byId("email").value, password: byId("password").value, ...(code ? { code } : {}) };
  const response = await fetch("/api/v1/session", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(credentials),
  });
  if (response.ok) return (await response.json()).mustChangePassword ? askForNewPassword() : location.assign(next);
  const problem = await response.json();
  byId("problem").textContent = problem.detail;
  if (problem.code !== "second-factor-required" && response.status !== 429) return;
  byId("second-factor").hidden = false;
  byId("code").focus();
}

function askForNewPassword() {
  send = changePassword;
  byId("present-password").hidden = byId("second-factor").hidden = true;
  byId("own-password").hidden = false;
  byId("send").textContent = "Change the password";
  byId("new-password").focus();
}

async function changePassword() {
  const response = await fetch("/api/v1/session/password", {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ password: byId("new-password").value }),
  });
  if (response.ok) return location.assign(next);
  byId("problem").textContent = (await response.json()).detail;
}

let send = signIn;
byId("sign-in").addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = event.target.querySelector("button");
  button.disabled = true;
  byId("problem").textContent = "";
  await send().catch(() => {
    byId("problem").textContent = "The server does not answer; try again in a moment.";
  });
  button.disabled = false;
});
`;
