export { EmbeddedPostgresError } from "./errors.ts";
export { type EmbeddedOptions, type EmbeddedServer, joinEmbedded, startEmbedded } from "./server.ts";
