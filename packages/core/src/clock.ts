/** The present instant: the real one, or a simulated one in tests, the demo and `--now`. */
export type Clock = () => Date;
