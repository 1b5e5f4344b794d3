const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;

/** A session ends after this many milliseconds without a request. */
export const SESSION_IDLE_MS = 30 * MINUTE_MS;
/** A session ends this many milliseconds after it was opened, even if it is used. */
export const SESSION_LIFE_MS = 12 * 60 * MINUTE_MS;
