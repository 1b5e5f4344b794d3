/** The present instant: the real one, or a pretended one in tests, the demo and `--now`. */
export type Clock = () => Date;
