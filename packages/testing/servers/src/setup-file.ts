import { afterAll } from "vitest";
import { killLeftovers } from "./leftovers.ts";

// Runs after the hooks of the test file itself, which stop in order what they have started.
afterAll(killLeftovers);
