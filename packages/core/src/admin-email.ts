/** An administrator's e-mail. A domain needs no dot: `payouts up` creates `admin@localhost`. */
export const adminEmail = /^[^\s@]+@[^\s@]+$/;
