import type { Finding, Outcome } from '../bench.ts'
import { milliseconds, readable } from '../numbers.ts'
import { chanceGreater, spread } from '../statistics.ts'
import type { Measured, OfKind } from './scenario.ts'
import { SAMPLES } from './states.ts'

/**
 * How far the chance that a response of one kind takes longer than one of an unknown user may be from a half. Of 1,000
 * samples each, chance alone stays within it in all but one of 10,000 comparisons.
 */
const MOST_FROM_HALF = 0.05

const medianOf = ({ times }: OfKind): number => spread(times).median

function finding({ state, promise, kinds: { unknown, ...others } }: Measured): Finding {
  if (unknown === undefined) throw new Error('Nobody guessed at unknown users.')
  const chances = Object.entries(others).map(
    ([kind, { times }]) => [kind, chanceGreater(times, unknown.times)] as const,
  )
  const farthest = Math.max(...chances.map(([, chance]) => Math.abs(chance - 0.5)))
  const all = [unknown, ...Object.values(others)]
  const isWhole = all.every(({ times }) => times.length === SAMPLES)
  const looks = new Set(all.flatMap(({ seen }) => [...seen])).size
  return {
    promise: `${promise} when ${state}: same response, and as often slower as faster`,
    figure: chances.map(([kind, chance]) => `${kind} slower in ${readable(100 * chance)} %`).join(', '),
    against: `unknown: ${milliseconds(medianOf(unknown))}, ${SAMPLES.toLocaleString('en')} of each kind; 50 % ± ${100 * MOST_FROM_HALF} %`,
    ratio: Math.max(...Object.values(others).map(medianOf)) / medianOf(unknown),
    isKept: isWhole && looks === 1 && farthest <= MOST_FROM_HALF,
    whyNot: !isWhole ? 'too few samples' : looks > 1 ? `${looks} different responses` : 'the time differs',
  }
}

export const report = (measured: readonly Measured[]): Outcome => ({
  findings: measured.map(finding),
  figures: measured.map(({ state, kinds }) => ({
    state,
    kinds: Object.entries(kinds).map(([kind, { times, seen }]) => ({
      kind,
      samples: times.length,
      milliseconds: spread(times),
      responses: [...seen],
    })),
  })),
  plots: [],
})
