// A separate process that uses the embedded server of the folder given as its first argument: it prints one line of JSON,
// waits for the end of its standard input, and then leaves the server.
import { once } from "node:events";
import { startEmbedded } from "./server.ts";

const notices: string[] = [];
try {
  const dataDir = process.argv[2] || undefined;
  const onNotice = (message: string) => notices.push(message);
  const server = await startEmbedded({
    ...(dataDir === undefined ? {} : { dataDir }),
    settings: { fsync: "off" },
    onNotice,
  });
  console.log(JSON.stringify({ ...server, notices }));
  process.stdin.resume();
  await once(process.stdin, "end");
  await server.stop();
} catch (error) {
  console.log(
    JSON.stringify({ error: error instanceof Error ? `${error.name}: ${error.message}` : String(error), notices }),
  );
}
