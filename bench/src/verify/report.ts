import type { Finding, Outcome } from '../bench.ts'
import { milliseconds, readable } from '../numbers.ts'
import type { BarPlot } from '../plot.ts'
import { median, spread } from '../statistics.ts'
import type { ContenderName } from './contenders.ts'
import { ALGORITHMS, type Algorithm } from './tokens.ts'
import type { Holding, Measured, Measurements } from './scenario.ts'
import type { Cost } from './worker.ts'

/** The promises of the project and of the library. */
const FIRST_SIGHT_LIMIT = 1.1
const SEEN_AT_LEAST = 25
/** Smaller differences cannot be distinguished from noise. */
const UNCHANGED_WITHIN = 1.25

const microseconds = ({ wallMs, count }: Cost): number => (wallMs * 1_000) / count
const cpuMicroseconds = ({ cpuMs, count }: Cost): number => (cpuMs * 1_000) / count
const perSecond = (us: number): string => `${readable(1e6 / us)}/s`
const micro = (us: number): string => `${readable(us)} µs`

type Find = (algorithm: Algorithm, contender: ContenderName, revoked?: number) => Measured

/** Round by round: the two were measured within the same moments. */
const ratios = (one: Measured, other: Measured): number[] =>
  one.costs.flatMap((cost, round) => {
    const against = other.costs[round]
    return against === undefined ? [] : [microseconds(cost) / microseconds(against)]
  })

const ratioOf = (one: Measured, other: Measured): number => median(ratios(one, other))
/** The same for processor time, which other load on the machine disturbs less. */
function cpuRatioOf(one: Measured, other: Measured): number {
  return median(one.costs.map(cpuMicroseconds)) / median(other.costs.map(cpuMicroseconds))
}
const cost = ({ costs }: Measured): number => median(costs.map(microseconds))

/** The promise covers the default algorithm; the others have no limit. */
const isPromised = (algorithm: Algorithm): boolean => algorithm === 'EdDSA'

const amongEnded = (revoked: number): string =>
  revoked === 0 ? '' : `, ${revoked.toLocaleString('en')} ended sessions known`

function firstSight(find: Find, algorithm: Algorithm, revoked = 0): Finding {
  const [first, bare] = [find(algorithm, 'first', revoked), find(algorithm, 'bare', revoked)]
  const ratio = ratioOf(first, bare)
  const what = `verify, first sight, ${algorithm}${amongEnded(revoked)}`
  const finding = {
    promise: isPromised(algorithm) ? `${what}: within 10 % of the bare signature check` : what,
    figure: `${perSecond(cost(first))}, ${micro(cost(first))}`,
    against: `node:crypto ${perSecond(cost(bare))}, ${micro(cost(bare))} (of CPU time: ${readable(cpuRatioOf(first, bare))}x)`,
    ratio,
  }
  if (!isPromised(algorithm)) return finding
  const beside = micro(cost(first) - cost(bare))
  return {
    ...finding,
    isKept: ratio <= FIRST_SIGHT_LIMIT,
    whyNot: `reading and judging the token takes ${beside} beside the signature check: the faster the check, the larger its share`,
  }
}

function seenBefore(find: Find, algorithm: Algorithm, contender: 'seen' | 'seenFull' = 'seen'): Finding {
  const [seen, first] = [find(algorithm, contender), find(algorithm, 'first')]
  const ratio = ratioOf(first, seen)
  const among = contender === 'seen' ? '1,000' : '10,000'
  const what = `verify, seen before (among ${among}), ${algorithm}`
  const finding = {
    promise: isPromised(algorithm) ? `${what}: at least ${SEEN_AT_LEAST} times as fast` : what,
    figure: `${perSecond(cost(seen))}, ${micro(cost(seen))}`,
    against: `first sight ${micro(cost(first))}`,
    ratio,
  }
  return isPromised(algorithm) ? { ...finding, isKept: ratio >= SEEN_AT_LEAST } : finding
}

function besideJose(find: Find, algorithm: Algorithm, contender: 'jose' | 'jose16'): Finding {
  const [first, jose] = [find(algorithm, 'first'), find(algorithm, contender)]
  return {
    promise: `verify, first sight, ${algorithm}: beside jose.jwtVerify, ${contender === 'jose' ? 'one by one' : '16 in parallel'}`,
    figure: micro(cost(first)),
    against: `${micro(cost(jose))}, ${micro(median(jose.costs.map(cpuMicroseconds)))} of CPU`,
    ratio: ratioOf(first, jose),
  }
}

function withRevoked(find: Find, contender: 'first' | 'seen', revoked: number): Finding {
  const [many, none] = [find('EdDSA', contender, revoked), find('EdDSA', contender)]
  const ratio = ratioOf(many, none)
  const name = contender === 'first' ? 'first sight' : 'seen before'
  return {
    promise: `verify, ${name}, EdDSA${amongEnded(revoked)}: at most ${UNCHANGED_WITHIN} times what it takes with none`,
    figure: micro(cost(many)),
    against: `${micro(cost(none))} with none`,
    ratio,
    isKept: ratio <= UNCHANGED_WITHIN,
    whyNot: `looking a session up among so many takes ${micro(cost(many) - cost(none))} more`,
  }
}

function memory(holdings: readonly Holding[], revoked: number): Finding {
  const [none, many] = [0, revoked].map((count) => holdings.find((each) => each.revoked === count))
  const bytes = ((many?.heapBytes ?? NaN) - (none?.heapBytes ?? NaN)) / revoked
  return {
    promise: `memory of a verifier per ended session, ${revoked.toLocaleString('en')} known`,
    figure: `${readable(bytes)} bytes`,
    against: `in sync after ${milliseconds(many?.loadMs ?? NaN)}`,
  }
}

const costPlot = (find: Find): BarPlot => ({
  kind: 'bars',
  name: 'cost',
  title: 'Cost of verifying one access token',
  subtitle: 'One process, one by one; medians of interleaved slices. Shorter is better.',
  unit: 'µs per verification',
  series: ['node:crypto alone', 'jose.jwtVerify', 'verifier, first sight', 'verifier, seen before'],
  groups: ALGORITHMS.map((name) => ({
    name,
    values: (['bare', 'jose', 'first', 'seen'] as const).map((contender) => cost(find(name, contender))),
  })),
})

const revokedPlot = (find: Find, holdings: readonly Holding[]): BarPlot => ({
  kind: 'bars',
  name: 'revoked',
  title: 'The same with ended sessions in memory (EdDSA)',
  subtitle: 'Each group is a process whose verifier knows so many ended sessions. Shorter is better.',
  unit: 'µs per verification',
  series: ['node:crypto alone', 'verifier, first sight', 'verifier, seen before'],
  groups: holdings.map(({ revoked }) => ({
    name: `${revoked.toLocaleString('en')} ended`,
    values: (['bare', 'first', 'seen'] as const).map((contender) => cost(find('EdDSA', contender, revoked))),
  })),
})

export function report({ measured, holdings }: Measurements): Outcome {
  const find: Find = (algorithm, contender, revoked = 0) => {
    const found = measured.find(
      (each) => each.algorithm === algorithm && each.contender === contender && each.revoked === revoked,
    )
    if (found === undefined) throw new Error(`${algorithm} was not measured as ${contender}.`)
    return found
  }
  const known = holdings.map(({ revoked }) => revoked).filter((revoked) => revoked > 0)
  return {
    findings: [
      ...ALGORITHMS.map((algorithm) => firstSight(find, algorithm)),
      ...ALGORITHMS.map((algorithm) => seenBefore(find, algorithm)),
      seenBefore(find, 'EdDSA', 'seenFull'),
      besideJose(find, 'EdDSA', 'jose'),
      besideJose(find, 'EdDSA', 'jose16'),
      ...known.flatMap((revoked) => [
        firstSight(find, 'EdDSA', revoked),
        withRevoked(find, 'first', revoked),
        withRevoked(find, 'seen', revoked),
      ]),
      ...known.map((revoked) => memory(holdings, revoked)),
    ],
    figures: {
      holdings,
      verifications: measured.map(({ costs, algorithm, contender, revoked }) => ({
        algorithm,
        contender,
        revoked,
        slices: costs.length,
        perSlice: costs[0]?.count,
        microseconds: spread(costs.map(microseconds)),
        cpuMicroseconds: spread(costs.map(cpuMicroseconds)),
        ofBare: spread(ratios({ costs, algorithm, contender, revoked }, find(algorithm, 'bare', revoked))),
      })),
    },
    plots: [costPlot(find), revokedPlot(find, holdings)],
  }
}
