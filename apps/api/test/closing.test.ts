import { once } from "node:events";
import { connect } from "node:net";
import { latch } from "@cpa-payouts/testing-servers";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openTestApi, type TestApi } from "./api.ts";

let api: TestApi;
let port: number;

beforeEach(async () => {
  api = await openTestApi();
});

afterEach(() => api.close());

async function listen(): Promise<void> {
  port = Number(new URL(await api.server.listen({ host: "127.0.0.1", port: 0 })).port);
}

/** Opens a connection and sends a text. `ended` resolves when the server has closed or reset it. */
async function open(sent: string): Promise<{ ended: Promise<void> }> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  const ended = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  const accepted = once(api.server.server, "connection");
  await once(socket, "connect");
  await accepted;
  socket.write(sent);
  socket.resume();
  return { ended };
}

it("a server that closes does not wait for a connection without a request, as browsers open them in advance", async () => {
  await listen();
  const { ended } = await open("");
  await api.server.close();
  await ended;
});

it("a server that closes does not wait for the rest of a request's headers", async () => {
  await listen();
  const { ended } = await open("GET /livez HTTP/1.1\r\nhost: loc");
  await api.server.close();
  await ended;
});

it("a server that closes waits for the requests in progress and sends their responses whole", async () => {
  const [arrived, held] = [latch(), latch()];
  api.server.server.prependListener("request", (_request, response) => {
    const end = response.end.bind(response);
    // Holds the response back after the handler has made it.
    response.end = ((...args: Parameters<typeof end>) => {
      arrived.open();
      void held.opened.then(() => end(...args));
      return response;
    }) as typeof response.end;
  });
  await listen();
  const response = fetch(`http://127.0.0.1:${port}/livez`);
  await arrived.opened;
  const closed = api.server.close();
  held.open();
  expect([(await response).status, await (await response).text()]).toEqual([200, '{"status":"alive"}']);
  await closed;
});
