export type { ApiOptions } from "./api.ts";
export { type Assets, assetsIn, installedAssets } from "./assets.ts";
export { type ApiConfig, readApiConfig } from "./env.ts";
export { type RunningApi, startApi } from "./main.ts";
export { createServer } from "./server.ts";
