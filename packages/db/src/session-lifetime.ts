const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** A session ends after this many milliseconds without a request. */
export const SESSION_IDLE_MS = 30 * MINUTE_MS;
/** A session ends this many milliseconds after it was opened, even if it is used. */
export const SESSION_LIFE_MS = 12 * 60 * MINUTE_MS;
/** A browser is remembered for this many milliseconds after a sign-in. */
export const DEVICE_LIFE_MS = 180 * DAY_MS;
/** A proposed TOTP secret can be switched on for this many milliseconds. */
export const PROPOSAL_LIFE_MS = 15 * MINUTE_MS;
