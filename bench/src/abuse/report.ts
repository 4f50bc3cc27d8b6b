import type { Finding, Outcome } from '../bench.ts'
import { milliseconds, readable } from '../numbers.ts'
import { latency } from '../statistics.ts'
import type { Responses } from './attackers.ts'
import type { SignIns } from './others.ts'
import type { Measured } from './scenario.ts'

/** Promised to other users while somebody attacks. */
const LEAST_SHARE = 0.9
const MOST_RATIO = 2

function summary(rounds: readonly SignIns[]) {
  const times = rounds.flatMap((round) => round.times)
  const refused = total(rounds.map((round) => round.refused))
  const all = times.length + Object.values(refused).reduce((sum, count) => sum + count, 0)
  const bought = rounds.reduce((sum, round) => sum + round.bought, 0)
  return { all, share: times.length / all, bought, refused, times: p95Of(times) }
}

function p95Of(times: readonly number[]) {
  const sorted = times.toSorted((a, b) => a - b)
  return { ...latency(times), p95: sorted[Math.ceil(0.95 * sorted.length) - 1] ?? NaN }
}

function total(responses: readonly Responses[]): Responses {
  const sum: Responses = {}
  for (const [status, count] of responses.flatMap((each) => Object.entries(each)))
    sum[Number(status)] = (sum[Number(status)] ?? 0) + count
  return sum
}

const percent = (share: number): string => `${readable(100 * share)} %`

function finding({ name, isBought, quiet, attacked, responses }: Measured): Finding {
  const [before, during] = [summary(quiet), summary(attacked)]
  const ratio = during.times.p95 / before.times.p95
  const boughtBy = during.bought > 0 ? ` (${during.bought} with a proof of work)` : ''
  const told = Object.entries(total(responses)).map(
    ([status, count]) => `${count.toLocaleString('en')} × ${status}`,
  )
  return {
    promise: `others sign in while ${name}: ${percent(LEAST_SHARE)}${isBought ? '' : `, p95 within ${MOST_RATIO}x`}`,
    figure: `${percent(during.share)} of ${during.all}${boughtBy}, p95 ${milliseconds(during.times.p95)}`,
    against: `quiet: ${percent(before.share)}, p95 ${milliseconds(before.times.p95)}; the attack got ${told.join(', ')}`,
    ratio,
    isKept: during.share >= LEAST_SHARE && (isBought || ratio <= MOST_RATIO),
  }
}

export const report = (measured: readonly Measured[]): Outcome => ({
  findings: measured.map(finding),
  figures: measured.map(({ name, quiet, attacked, responses }) => ({
    attack: name,
    quiet: summary(quiet),
    attacked: summary(attacked),
    responses: total(responses),
  })),
  plots: [
    {
      kind: 'bars',
      name: 'sign-ins',
      title: 'How long others take to sign in during an attack',
      subtitle:
        'Median, since each was due; a proof of work is included where one is asked. Lower is better.',
      unit: 'milliseconds',
      series: ['quiet', 'attacked'],
      groups: measured.map(({ name, quiet, attacked }) => ({
        name,
        values: [summary(quiet).times.p50, summary(attacked).times.p50],
      })),
    },
  ],
})
