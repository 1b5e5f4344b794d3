import { setFlagsFromString } from "node:v8";

/**
 * Lets the heap grow to at most twice the size of what is in use before it is collected. On a machine with much memory V8 lets it
 * grow to four times: with a thousand jobs in progress, whose objects just outlive the young generation, a worker then takes 260 MB
 * instead of 190, and no less CPU time (`npm run bench`).
 */
export function limitHeapGrowth(): void {
  setFlagsFromString("--heap-growing-percent=100");
}
