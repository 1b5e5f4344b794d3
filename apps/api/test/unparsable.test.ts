import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openTestApi, type SignedIn, type TestApi } from "./api.ts";

let api: TestApi;
let admin: SignedIn;
let port: number;

beforeAll(async () => {
  api = await openTestApi();
  admin = await api.as("admin");
  port = Number(new URL(await api.server.listen({ host: "127.0.0.1", port: 0 })).port);
});

afterAll(() => api.close());

/** Sends bytes over a connection and reads until the server closes it. */
async function exchange(sent: string) {
  const socket = connect(port, "127.0.0.1");
  let received = "";
  socket.setEncoding("utf8").on("data", (text: string) => {
    received += text;
  });
  socket.write(sent);
  await once(socket, "close");
  const [head = "", body = ""] = received.split("\r\n\r\n");
  const [first = "", ...lines] = head.split("\r\n");
  const fields = lines.map((line) => {
    const [name = "", value = ""] = line.split(/: (.*)/);
    return [name.toLowerCase(), value] as const;
  });
  const headers: Record<string, string> = Object.fromEntries(fields);
  return { status: Number(first.split(" ")[1]), headers, body };
}

const HOST = "Host: localhost\r\nConnection: close\r\n";

describe("bytes that are no request", () => {
  it.each([
    ["a line that is no request line", "HELLO\r\n\r\n", 400, "bad-request"],
    ["an unknown version", `GET / HTTP/9.9\r\n${HOST}\r\n`, 400, "bad-request"],
    ["an unknown method", `FOO / HTTP/1.1\r\n${HOST}\r\n`, 400, "bad-request"],
    ["a null byte in a header", `GET / HTTP/1.1\r\n${HOST}X: a\0b\r\n\r\n`, 400, "bad-request"],
    ["a space in the address", `GET /secret path HTTP/1.1\r\n${HOST}\r\n`, 400, "bad-request"],
    ["an address of 20 KB", `GET /${"a".repeat(20_000)} HTTP/1.1\r\n${HOST}\r\n`, 431, "headers-too-long"],
    ["a header of 20 KB", `GET / HTTP/1.1\r\n${HOST}X: ${"a".repeat(20_000)}\r\n\r\n`, 431, "headers-too-long"],
    ["no Host", "GET /sign-in HTTP/1.1\r\nConnection: close\r\n\r\n", 400, "bad-request"],
    ["no Host for a monitor", "GET /livez HTTP/1.1\r\nConnection: close\r\n\r\n", 400, "bad-request"],
  ])(
    "%s is answered with a problem that has an id and the headers of every response",
    async (_what, sent, status, code) => {
      const response = await exchange(sent);
      expect(response.status, response.body).toBe(status);
      expect(response.headers["content-type"]).toBe("application/problem+json; charset=utf-8");
      expect(JSON.parse(response.body)).toMatchObject({
        status,
        code,
        type: `urn:cpa-payouts:problem:${code}`,
        instance: response.headers["x-request-id"],
      });
      expect(response.headers["x-request-id"]).toMatch(/^[\w-]{36}$/);
      expect(response.headers).toMatchObject({ "cache-control": "no-store", "x-content-type-options": "nosniff" });
      expect(response.headers["content-security-policy"]).toMatch(/frame-ancestors 'none'/);
    },
  );

  it("an expectation that is not known is ignored", async () => {
    expect((await exchange(`GET /livez HTTP/1.1\r\n${HOST}Expect: foo\r\n\r\n`)).status).toBe(200);
  });

  it("a request of HTTP/1.0, which needs no Host, is answered to a monitor", async () => {
    expect((await exchange("GET /livez HTTP/1.0\r\n\r\n")).status).toBe(200);
  });
});

describe("internal addresses", () => {
  it.each(["/malformed", "/too-long", "/%6dalformed", "/malformed?x=1", "/malformed#x"])(
    "there is no page at %s, neither for people nor for anyone else",
    async (url) => {
      for (const headers of [admin.headers, { host: "localhost" }]) {
        const response = await api.request({ url, headers });
        expect([response.statusCode, response.json().code]).toEqual([404, "not-found"]);
      }
    },
  );
});

describe("errors of the board", () => {
  it.each(["/queues/api/queues/nope/1", "/queues/api/queues/ticks/nope"])(
    "%s is answered with a problem that has the key which the page translates",
    async (url) => {
      const response = await api.request({ url, headers: admin.headers });
      expect([response.statusCode, response.headers["content-type"]]).toEqual([
        404,
        "application/problem+json; charset=utf-8",
      ]);
      expect(response.json()).toMatchObject({
        code: "not-found",
        instance: response.headers["x-request-id"],
        error: { key: expect.stringMatching(/^ERRORS\./) },
        detail: expect.stringMatching(/^(queue|job) not found$/),
      });
    },
  );
});
