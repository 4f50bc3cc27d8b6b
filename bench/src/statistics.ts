/** The percentiles at the given shares (0 to 1), by the nearest rank. */
export function percentiles(numbers: readonly number[], shares: readonly number[]): number[] {
  const sorted = numbers.toSorted((a, b) => a - b)
  return shares.map((share) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN)
}

export const median = (numbers: readonly number[]): number => percentiles(numbers, [0.5])[0] ?? NaN

export interface Spread {
  readonly median: number
  readonly p10: number
  readonly p90: number
}

/** The median and the 10th and 90th percentiles of repeated measurements. */
export function spread(numbers: readonly number[]): Spread {
  const [p10 = NaN, middle = NaN, p90 = NaN] = percentiles(numbers, [0.1, 0.5, 0.9])
  return { median: middle, p10, p90 }
}

export interface Latency {
  readonly count: number
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly max: number
}

export function latency(numbers: readonly number[]): Latency {
  const [p50 = NaN, p90 = NaN, p99 = NaN, max = NaN] = percentiles(numbers, [0.5, 0.9, 0.99, 1])
  return { count: numbers.length, p50, p90, p99, max }
}

/** The chance that a random one of `a` is greater than a random one of `b`; equal ones count half. 0.5: no difference. */
export function chanceGreater(a: readonly number[], b: readonly number[]): number {
  const sorted = b.toSorted((one, other) => one - other)
  const below = (limit: number, isCounted: (value: number, limit: number) => boolean): number => {
    let [low, high] = [0, sorted.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (isCounted(sorted[middle] ?? NaN, limit)) low = middle + 1
      else high = middle
    }
    return low
  }
  const wins = a.reduce((sum, value) => {
    const less = below(value, (other, limit) => other < limit)
    const equal = below(value, (other, limit) => other <= limit) - less
    return sum + less + equal / 2
  }, 0)
  return wins / (a.length * b.length)
}
