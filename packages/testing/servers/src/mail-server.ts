import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";

export interface MailServer {
  /** `smtp://127.0.0.1:port`. */
  readonly url: string;
  readonly port: number;
  /** Every accepted message, unchanged. */
  readonly mails: readonly string[];
  stop(): Promise<void>;
}

/** Starts a mail server on the loopback interface that keeps the messages it accepts. */
export async function startMailServer(options: SMTPServerOptions & { port?: number } = {}): Promise<MailServer> {
  const { port: wanted = 0, ...settings } = options;
  const mails: string[] = [];
  const server = new SMTPServer({
    authOptional: true,
    // The private key of its built-in certificate is public, and no test needs a certificate that can be trusted.
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
  // A client that disconnects is not an error of the server.
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
