import { availableParallelism } from 'node:os'
import type { Finding, Outcome } from '../bench.ts'
import { milliseconds, readable } from '../numbers.ts'
import type { BarPlot } from '../plot.ts'
import { latency, median, spread } from '../statistics.ts'
import type { Measured } from './scenario.ts'
import { perSecond } from './slice.ts'

/** Connections that send the next refresh when the last response has arrived. */
const BURST = 512

type Find = (name: string, atOnce: number) => Measured

const rate = ({ slices }: Measured): number => median(slices.map(perSecond))
const p50 = ({ slices }: Measured): number => median(slices.flatMap(({ latenciesMs }) => latenciesMs))

/** Round by round: the two were measured within the same moments. */
const rateRatios = (one: Measured, other: Measured): number[] =>
  one.slices.map((slice, round) => perSecond(slice) / perSecond(other.slices[round] ?? slice))

const latencyRatio = (one: Measured, other: Measured): number =>
  median(
    one.slices.map(
      ({ latenciesMs }, round) => median(latenciesMs) / median(other.slices[round]?.latenciesMs ?? []),
    ),
  )

/** Microseconds of processor time for each refresh. */
function workPerRefresh({ works, slices }: Measured) {
  const of = (who: 'service' | 'postgres' | 'client'): number =>
    median(works.map((work, round) => (work[who] * 1_000) / (slices[round]?.count ?? NaN)))
  return { service: of('service'), postgres: of('postgres'), client: of('client') }
}

function throughHttp(find: Find, connections: number, instances: 'one' | 'two'): Finding {
  const name = instances === 'one' ? 'http' : 'http at two'
  const [http, pgbench] = [find(name, connections), find('pgbench', 16)]
  const { p50, p99 } = latency(http.slices.flatMap(({ latenciesMs }) => latenciesMs))
  const ratio = spread(rateRatios(http, pgbench))
  const what = `refresh through HTTP, ${instances === 'one' ? 'one instance' : 'two instances'}, ${connections} connections`
  const finding = {
    promise: what,
    figure: `${readable(rate(http))}/s, p50 ${milliseconds(p50)}, p99 ${milliseconds(p99)}`,
    against: `pgbench, 16 clients ${readable(rate(pgbench))}/s`,
    ratio: ratio.median,
  }
  // One instance has one of the cores that pgbench and its server share, and coalescing needs a burst.
  if (instances === 'one' || connections !== BURST) return finding
  return {
    ...finding,
    promise: `${what}: at or above pgbench with the same statement`,
    figure: `${finding.figure}; ratio from ${readable(ratio.p10)}x (p10) to ${readable(ratio.p90)}x (p90)`,
    isKept: ratio.median >= 1,
    whyNot: whyBelow(http, pgbench),
  }
}

/** Processor time of a request, and what is left of all cores for it at pgbench's rate beside PostgreSQL and the clients. */
function whyBelow(http: Measured, pgbench: Measured): string {
  const cores = availableParallelism()
  const { service, postgres, client } = workPerRefresh(http)
  const left = (cores * 1e6) / rate(pgbench) - postgres - client
  return (
    `Node.js takes ${readable(service)} µs of processor time for a request, and ${readable(left)} µs are left at pgbench's ` +
    `rate when PostgreSQL, the service and the clients share ${cores} cores (processor time per refresh: the JSON file)`
  )
}

function throughDriver(find: Find, way: 'statement' | 'rotate', atOnce: number): Finding {
  const [driver, pgbench] = [find(way, atOnce), find('pgbench', 16)]
  const what = way === 'statement' ? 'the statement alone' : 'a burst that shares statements'
  return {
    promise: `refresh through the driver, ${what}, ${atOnce} in parallel`,
    figure: `${readable(rate(driver))}/s`,
    against: `pgbench, 16 clients ${readable(rate(pgbench))}/s`,
    ratio: median(rateRatios(driver, pgbench)),
  }
}

function alone(find: Find): Finding {
  const [rotate, statement, http] = [find('rotate', 1), find('statement', 1), find('http', 1)]
  return {
    promise: 'refresh of one at a time, without a burst',
    figure: `p50 ${milliseconds(p50(rotate))}; through HTTP ${milliseconds(p50(http))}`,
    against: `the statement alone p50 ${milliseconds(p50(statement))}`,
    ratio: latencyRatio(rotate, statement),
  }
}

const plot = (find: Find): BarPlot => {
  const group = (name: string, ...values: readonly (number | undefined)[]) => ({ name, values })
  return {
    kind: 'bars',
    name: 'rate',
    title: 'Refreshes per second',
    subtitle: 'A million sessions, synchronous commit; medians of interleaved rounds. Longer is better.',
    unit: 'refreshes per second',
    series: ['pgbench', 'driver', 'service, through HTTP'],
    groups: [
      group('pgbench, 16', rate(find('pgbench', 16))),
      group('statement, 16', undefined, rate(find('statement', 16))),
      group('burst, 128', undefined, rate(find('rotate', 128))),
      ...[16, 256].map((count) =>
        group(`one instance, ${count}`, undefined, undefined, rate(find('http', count))),
      ),
      ...[128, 512].map((count) =>
        group(`two instances, ${count}`, undefined, undefined, rate(find('http at two', count))),
      ),
    ],
  }
}

export function report(measured: readonly Measured[]): Omit<Outcome, 'postgres'> {
  const find: Find = (name, atOnce) => {
    const found = measured.find((each) => each.name === name && each.atOnce === atOnce)
    if (found === undefined) throw new Error(`${name} was not measured with ${atOnce} in parallel.`)
    return found
  }
  return {
    findings: [
      ...[BURST, 128].map((connections) => throughHttp(find, connections, 'two')),
      ...[256, 16].map((connections) => throughHttp(find, connections, 'one')),
      throughDriver(find, 'rotate', 128),
      throughDriver(find, 'statement', 16),
      alone(find),
    ],
    figures: measured.map((each) => ({
      name: each.name,
      atOnce: each.atOnce,
      perSecond: spread(each.slices.map(perSecond)),
      ofPgbench: spread(rateRatios(each, find('pgbench', 16))),
      latencyMs: latency(each.slices.flatMap(({ latenciesMs }) => latenciesMs)),
      cpuMicroseconds: workPerRefresh(each),
    })),
    plots: [plot(find)],
  }
}
