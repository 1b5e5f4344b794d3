import { userSorts } from "@cpa-payouts/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openTestData, type TestData } from "../testing/index.ts";
import { findFewUsers } from "./user-search.ts";
import { listUsers, type UserFilter, type UserListing } from "./users.ts";

/** As many as a search still looks up by their ids. */
const ADAS = 2_000;

let data: TestData;
let all: UserListing[];

beforeAll(async () => {
  data = await openTestData({ users: [] });
  await data.database.sql`
    insert into users (external_id, email, name, status, balance_cents, joined_at, updated_at)
    select 'u' || n, case when n % 2 = 0 then 'Even' else 'odd' end || n || '@example.com',
      case when n <= ${ADAS} then 'Ada ' || n when n = ${ADAS + 1} then 'u77' else 'Bob ' || n end,
      case when n % 5 = 0 then 'suspended' else 'active' end, n, now(), now()
    from generate_series(1, ${ADAS + 2}::int) n`;
  all = await listUsers(data.ctx.db, {}, { sort: "oldest", limit: 10_000 });
});

afterAll(() => data?.close());

async function pagesOf(filter: UserFilter, sort: (typeof userSorts)[number]): Promise<UserListing[]> {
  const found: UserListing[] = [];
  for (;;) {
    const after = found.at(-1);
    const page = await listUsers(data.ctx.db, filter, { sort, limit: 300, ...(after ? { after } : {}) });
    found.push(...page);
    if (page.length < 300) return found;
  }
}

const searches: [what: string, filter: UserFilter, users: number, keeps: (user: UserListing) => boolean][] = [
  ["no user", { search: "zzz" }, 0, () => false],
  ["one user", { search: "bob" }, 1, ({ name }) => name.startsWith("Bob")],
  ["an e-mail in another case", { search: "even10@" }, 1, ({ externalId }) => externalId === "u10"],
  ["external ids and a name", { search: "u77" }, 12, ({ externalId, name }) => `${externalId} ${name}`.includes("u77")],
  ["as many as are looked up by id", { search: "ADA" }, ADAS, ({ name }) => name.startsWith("Ada")],
  ["more than that", { search: "u" }, ADAS + 2, () => true],
  ["many, of one status", { search: "u", status: "suspended" }, 400, ({ status }) => status === "suspended"],
  ["few, of one status", { search: "ada", status: "suspended" }, 400, ({ status }) => status === "suspended"],
];

describe("the search for users", () => {
  it.each(searches)("finds exactly those that match, in both orders: %s", async (_what, filter, users, keeps) => {
    const expected = all.filter(keeps);
    expect(expected).toHaveLength(users);
    for (const sort of userSorts)
      expect(await pagesOf(filter, sort)).toEqual(sort === "oldest" ? expected : expected.toReversed());
  });

  it("looks up the ids of few users, and none of many", async () => {
    expect(await findFewUsers(data.ctx.db, "zzz")).toEqual([]);
    expect(await findFewUsers(data.ctx.db, "bob")).toEqual([ADAS + 2]);
    expect(await findFewUsers(data.ctx.db, "ada")).toHaveLength(ADAS);
    expect(await findFewUsers(data.ctx.db, "u")).toBeNull();
  });
});
