import type { Finding, Outcome } from '../bench.ts'
import { milliseconds, readable } from '../numbers.ts'
import type { BarPlot } from '../plot.ts'
import { perSecond } from '../refresh/slice.ts'
import { latency, median, spread } from '../statistics.ts'
import { WORKS, type Measured, type Work } from './scenario.ts'
import { FEW, MANY, MOST, SIZES, WORKING_SET } from './reach.ts'

/** The promise for a refresh: its cost among many sessions, divided by its cost among few. */
const LIMIT = 1.2
const IN_USE = `${WORKING_SET.toLocaleString('en')} of them in use`

const names: Record<Work, string> = {
  statement: `refresh, the statement alone, ${IN_USE}`,
  anywhere: 'refresh, the statement alone, anywhere among all of them',
  refresh: `refresh through HTTP, ${IN_USE}`,
  list: 'list your sessions',
  search: 'search by name',
  signIn: 'sign in',
}

const promised: readonly Work[] = ['refresh', 'statement', 'anywhere']

const WHY_NOT_ANYWHERE =
  'the first change of a page after a checkpoint writes the whole page into the log, and among so many hardly any page comes twice'

type Find = (work: Work, size: number) => Measured

const rate = ({ slices }: Measured): number => median(slices.map(perSecond))

/** The ratio of the costs in each round, since both were measured at about the same time. */
const costRatios = (many: Measured, few: Measured): number[] =>
  many.slices.map((slice, round) => perSecond(few.slices[round] ?? slice) / perSecond(slice))

const numbersOf = (measured: Measured): string => {
  const { p50, p99 } = latency(measured.slices.flatMap(({ latenciesMs }) => latenciesMs))
  return `${readable(rate(measured))}/s, p50 ${milliseconds(p50)}, p99 ${milliseconds(p99)}`
}

function finding(find: Find, work: Work, size: number): Finding {
  const [many, few] = [find(work, size), find(work, FEW)]
  const ratio = median(costRatios(many, few))
  const isPromised = size === MOST && promised.includes(work)
  return {
    promise: `${names[work]}, ${size.toLocaleString('en')} sessions${isPromised ? `: at most ${LIMIT} times the cost of ${FEW.toLocaleString('en')}` : ''}`,
    figure: numbersOf(many),
    against: `${FEW.toLocaleString('en')}: ${numbersOf(few)}`,
    ratio,
    ...(isPromised && { isKept: ratio <= LIMIT }),
    ...(isPromised && work === 'anywhere' && { whyNot: WHY_NOT_ANYWHERE }),
  }
}

const plot = (find: Find, works: readonly Work[]): BarPlot => ({
  kind: 'bars',
  name: 'rate',
  title: 'Throughput by number of sessions',
  subtitle: 'Durable PostgreSQL; medians of interleaved rounds. Longer is better.',
  unit: 'per second',
  series: SIZES.map((size) => `${size.toLocaleString('en')} sessions`),
  groups: works.map((work) => ({
    name: {
      statement: 'statement',
      anywhere: 'anywhere',
      refresh: 'refresh',
      list: 'list',
      search: 'search',
      signIn: 'sign in',
    }[work],
    values: SIZES.map((size) => rate(find(work, size))),
  })),
})

export function report(measured: readonly Measured[]): Omit<Outcome, 'postgres'> {
  const find: Find = (work, size) => {
    const found = measured.find((each) => each.work === work && each.size === size)
    if (found === undefined) throw new Error(`${work} was not measured with ${size} sessions.`)
    return found
  }
  const works: readonly Work[] = ['refresh', 'statement', 'anywhere', 'list', 'search', 'signIn']
  return {
    findings: works.flatMap((work) => [finding(find, work, MOST), finding(find, work, MANY)]),
    figures: measured.map(({ work, size, slices }) => ({
      work,
      size,
      atOnce: WORKS[work].atOnce,
      perSecond: spread(slices.map(perSecond)),
      costOfFew: spread(costRatios({ work, size, slices }, find(work, FEW))),
      latencyMs: latency(slices.flatMap(({ latenciesMs }) => latenciesMs)),
    })),
    plots: [plot(find, works)],
  }
}
