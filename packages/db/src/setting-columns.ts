import { type SQL, sql } from "drizzle-orm";

/** A change of settings: those that are given are set, the others are kept. */
export interface SettingValues {
  /** Null switches the two-person rule off. */
  readonly twoPersonAboveCents?: bigint | null;
  readonly coolingOffDays?: number;
  readonly reviewAlertDays?: number;
  readonly largestEntryCents?: bigint;
  readonly largestBalanceCents?: bigint;
}

interface SettingColumn {
  readonly column: string;
  readonly type: "bigint" | "int";
  /** Whether a value protects less than another one, as an SQL condition. */
  readonly isRelaxed: (before: SQL, after: SQL) => SQL;
}

const isHigher = (before: SQL, after: SQL) => sql`${after} > ${before}`;
const isLower = (before: SQL, after: SQL) => sql`${after} < ${before}`;

/** The columns of the settings, by the names that the audit log uses, and in which direction each is relaxed. */
const settingColumns: Readonly<Record<keyof SettingValues, SettingColumn>> = {
  twoPersonAboveCents: {
    column: "two_person_above_cents",
    type: "bigint",
    isRelaxed: (before, after) => sql`${before} is not null and (${after} is null or ${after} > ${before})`,
  },
  coolingOffDays: { column: "cooling_off_days", type: "int", isRelaxed: isLower },
  reviewAlertDays: {
    column: "review_alert_days",
    type: "int",
    isRelaxed: (before, after) => sql`${before} <> 0 and (${after} = 0 or ${after} > ${before})`,
  },
  largestEntryCents: { column: "largest_entry_cents", type: "bigint", isRelaxed: isHigher },
  largestBalanceCents: { column: "largest_balance_cents", type: "bigint", isRelaxed: isHigher },
};

const entries = Object.entries(settingColumns);

/** The settings of a row as JSON for the audit log; amounts in cents are texts, since JSON numbers may be rounded. */
export function settingsAsJson(alias: string): SQL {
  const fields = entries.map(([name, { column, type }]) => {
    const cast = type === "bigint" ? "::text" : "";
    return `'${name}', ${alias}.${column}${cast}`;
  });
  return sql.raw(`jsonb_build_object(${fields.join(", ")})`);
}

/** The settings that a change names, in the form of {@link settingsAsJson}. */
export function namedSettings(change: SettingValues): Readonly<Record<string, string | number | null>> {
  const given = entries.map(([name]) => [name, change[name as keyof SettingValues]] as const);
  return Object.fromEntries(
    given.flatMap(([name, value]) => {
      if (value === undefined) return [];
      return [[name, typeof value === "bigint" ? value.toString() : value]];
    }),
  );
}

/** The assignments of an UPDATE of the settings from JSON in the form of {@link settingsAsJson}. */
export function settingAssignments(json: SQL): SQL {
  const assignments = entries.map(
    ([name, { column, type }]) => sql`${sql.raw(column)} = ${settingIn(json, name, type)}`,
  );
  return sql.join(assignments, sql`, `);
}

/** Whether any setting protects less after a change than before: a condition on two states in the form of {@link settingsAsJson}. */
export function relaxesSettings(before: SQL, after: SQL): SQL {
  const conditions = entries.map(
    ([name, { type, isRelaxed }]) =>
      sql`coalesce(${isRelaxed(settingIn(before, name, type), settingIn(after, name, type))}, false)`,
  );
  return sql`(${sql.join(conditions, sql` or `)})`;
}

function settingIn(json: SQL, name: string, type: SettingColumn["type"]): SQL {
  return sql`(${json} ->> ${sql.raw(`'${name}'`)})::${sql.raw(type)}`;
}
