import { defineConfig } from "drizzle-kit";

/** `npm run db:generate -- --name what_changes` writes the next migration; a merged migration is never edited. */
export default defineConfig({
  dialect: "postgresql",
  schema: "./src/schema/index.ts",
  // Relative on purpose: drizzle-kit joins it to the working directory, also when it is absolute.
  out: "../../drizzle",
  casing: "snake_case",
});
