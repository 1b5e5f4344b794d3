import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";

export interface MailServer {
  /** `smtp://127.0.0.1:port`. */
  readonly url: string;
  readonly port: number;
  /** Every message taken, as it came. */
  readonly mails: readonly string[];
  stop(): Promise<void>;
}

/** A mail server of our own on the loopback interface, which keeps what it is given. */
export async function startMailServer(options: SMTPServerOptions & { port?: number } = {}): Promise<MailServer> {
  const { port: wanted = 0, ...settings } = options;
  const mails: string[] = [];
  const server = new SMTPServer({
    authOptional: true,
    // Its certificate is known to everybody; no test needs one that can be trusted.
    disabledCommands: ["STARTTLS"],
    logger: false,
    onData: (stream, _session, done) => {
      text(stream).then((mail) => {
        mails.push(mail);
        done();
      }, done);
    },
    ...settings,
  });
  // A client that is gone is no concern of the server.
  server.on("error", () => {});
  server.listen(wanted, "127.0.0.1");
  await once(server.server, "listening");
  const { port } = server.server.address() as AddressInfo;
  return {
    url: `smtp://127.0.0.1:${port}`,
    port,
    mails,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
