export interface TestClock {
  (): Date;
  set(instant: string): void;
}

/** A clock that stands still until it is set. */
export function testClock(instant: string): TestClock {
  let now = new Date(instant);
  const clock = () => new Date(now);
  return Object.assign(clock, {
    set: (next: string) => {
      now = new Date(next);
    },
  });
}
