import { defined, formatCents } from "@cpa-payouts/core";
import {
  findDecision,
  findUser,
  listLedger,
  listUserDecisions,
  listUsers,
  type StoredDecision,
  type User,
  type UserListing,
} from "@cpa-payouts/db";
import { decisionSentence, expectPayment, setUserStatus } from "@cpa-payouts/pipeline";
import type { Api } from "../api.ts";
import type { Handlers } from "../calls.ts";
import { positions, readCursor, toPage } from "../cursors.ts";
import { notFound } from "../problems.ts";
import { presentEntry } from "./ledger.ts";

const MAX_DECISIONS = 100;

export const userHandlers: Handlers<"users"> = {
  listUsers: async ({ ctx }, { query }) => {
    const { status, method, minimumBalance, search, sort, limit, cursor } = query;
    const filter = defined({ status, methodStatus: method, minimumBalanceCents: minimumBalance, search });
    const after = readCursor(positions.byId, cursor);
    const rows = await listUsers(ctx.db, filter, defined({ sort, limit: limit + 1, after }));
    return toPage(rows, limit, { present: presentUser, position: ({ id }) => ({ id }) });
  },

  readUser: async (api, { params }) => {
    const user = await knownUser(api, params.externalId);
    const { amountCents, missing, ...when } = await expectPayment(api.ctx, user, api.ctx.policy);
    return {
      ...(await currentOf(api, user.externalId)),
      id: user.id,
      joinedAt: user.joinedAt.toISOString(),
      expected: { ...when, amount: formatCents(amountCents), missing: [...missing] },
    };
  },

  changeUserStatus: async (api, { params, body, audit }) => {
    const { externalId } = params;
    const result = await setUserStatus(api.ctx, { ...audit, externalId, ...body });
    if (result === "unknown-user") throw notFound(`user ${externalId}`);
    return currentOf(api, externalId);
  },

  listLedger: async (api, { params, query }) => {
    const user = await knownUser(api, params.externalId);
    const beforeId = readCursor(positions.byId, query.cursor)?.id;
    const page = defined({ limit: query.limit + 1, beforeId });
    const rows = await listLedger(api.ctx.db, user.id, page);
    return toPage(rows, query.limit, { present: presentEntry, position: ({ id }) => ({ id }) });
  },

  explainUser: async (api, { params, query }) => {
    const user = await knownUser(api, params.externalId);
    const { db } = api.ctx;
    if (query.date === undefined) {
      const decisions = await listUserDecisions(db, user.id, MAX_DECISIONS);
      return { items: decisions.map((decision) => presentDecision(user, decision)) };
    }
    const decision = await findDecision(db, user.id, query.date);
    return { items: decision ? [presentDecision(user, decision)] : [] };
  },
};

async function knownUser({ ctx }: Api, externalId: string): Promise<User> {
  const user = await findUser(ctx.db, externalId);
  if (!user) throw notFound(`user ${externalId}`);
  return user;
}

async function currentOf({ ctx }: Api, externalId: string) {
  const [user] = await listUsers(ctx.db, { externalId }, { sort: "oldest", limit: 1 });
  if (!user) throw notFound(`user ${externalId}`);
  return presentUser(user);
}

function presentUser({ id: _id, balanceCents, ...user }: UserListing) {
  return { ...user, balance: formatCents(balanceCents) };
}

function presentDecision({ externalId }: User, decision: StoredDecision) {
  const { paymentDate, reason, outcome, error, invoiceNumber } = decision;
  const balance = formatCents(decision.balanceCents);
  const sentence = decisionSentence(externalId, decision);
  return { paymentDate, decision: decision.decision, reason, balance, outcome, error, invoiceNumber, sentence };
}
