export { EmbeddedPostgresError } from "./errors.ts";
export { type EmbeddedOptions, type EmbeddedServer, startEmbedded } from "./server.ts";
