/** Repeatable random choices. Each failed test prints its seed; TEST_SEED sets it. */
export interface SeededRandom {
  readonly seed: number
  /** A whole number from 0 to `limit` - 1. */
  below(limit: number): number
  isTrue(probability: number): boolean
  pick<T>(choices: readonly T[]): T
}

export function seededRandom(seed = seedOfRun()): SeededRandom {
  let state = seed
  // mulberry32
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (limit: number): number => Math.floor(next() * limit)
  return {
    seed,
    below,
    isTrue: (probability) => next() < probability,
    pick: (choices) => {
      const choice = choices[below(choices.length)]
      if (choice === undefined) throw new Error('there is nothing to pick from')
      return choice
    },
  }
}

function seedOfRun(): number {
  const given = process.env['TEST_SEED']
  return given === undefined || given === '' ? Math.floor(Math.random() * 2 ** 31) : Number(given)
}
