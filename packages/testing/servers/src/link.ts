import { connect, createServer, type Socket } from "node:net";

/** A TCP proxy in front of a server. */
export interface Link {
  /** The URL of the server, with the address of the proxy. */
  readonly url: string;
  /** Passes nothing on from now on, so the server seems to hang. */
  hang(): void;
  /** Passes everything on again, including what was held back. */
  resume(): void;
  close(): Promise<void>;
}

/** Starts a TCP proxy in front of a server; the proxy can be made to hang. */
export async function openLink(target: string): Promise<Link> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let isHanging = false;
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        client.destroy();
        upstream.destroy();
      });
    }
    client.pipe(upstream);
    upstream.pipe(client);
    if (isHanging) upstream.pause();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = new URL(target);
  const address = server.address();
  if (typeof address === "object" && address) url.host = `127.0.0.1:${address.port}`;
  const set = (hanging: boolean) => {
    isHanging = hanging;
    for (const socket of sockets)
      if (hanging) socket.pause();
      else socket.resume();
  };
  return {
    url: url.href,
    hang: () => set(true),
    resume: () => set(false),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
