/** Moments on the clock of `performance.now()`: so many a second, at irregular distances. */
export function* moments(perSecond: number, from: number, until: number): Generator<number> {
  const mean = 1_000 / perSecond
  // A fixed distance could keep step with something in the service.
  for (let at = from + mean * Math.random(); at < until; at += 2 * mean * Math.random()) yield at
}
