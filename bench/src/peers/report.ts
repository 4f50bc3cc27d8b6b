import type { Finding, Outcome } from '../bench.ts'
import { milliseconds, readable } from '../numbers.ts'
import type { Plot } from '../plot.ts'
import { latency, median, spread } from '../statistics.ts'
import { CACHE_SECONDS, type ServerName } from './contenders.ts'
import type { Measured, Phase, Result } from './rounds.ts'

type Results = ReadonlyMap<ServerName, Result>

const resultOf = (results: Results, name: ServerName): Result => {
  const result = results.get(name)
  if (result === undefined) throw new Error(`${name} was not measured.`)
  return result
}

const rates = (measured: readonly Measured[]): number[] => measured.map(({ perSecond }) => perSecond)
const rate = (measured: readonly Measured[]): number => median(rates(measured))
const latencies = (measured: readonly Measured[]): number[] => measured.flatMap((each) => each.latencies)

/** Round by round, so that what disturbed one weighs on both. */
const ratio = (ours: readonly Measured[], theirs: readonly Measured[]): number =>
  median(ours.map(({ perSecond }, round) => perSecond / (theirs[round]?.perSecond ?? NaN)))

function served({ measured }: Result, phase: 'signIn' | 'whoIsThis' | 'signOut'): string {
  const { p50, p99 } = latency(latencies(measured[phase]))
  const alone = latency(latencies(measured[`${phase}Alone`]))
  const figures = `${readable(rate(measured[phase]))}/s, p50 ${milliseconds(p50)}, p99 ${milliseconds(p99)}`
  return `${figures}; alone p50 ${milliseconds(alone.p50)}`
}

interface Comparison {
  readonly promise: string
  readonly phase: 'signIn' | 'whoIsThis' | 'signOut'
  readonly peer: ServerName
}

const comparisons: readonly Comparison[] = [
  { promise: 'sign-in, each with its own password hashing', phase: 'signIn', peer: 'better-auth' },
  { promise: 'sign-in, both with the same Argon2id', phase: 'signIn', peer: 'better-auth, tuned' },
  { promise: 'who is this, asked at the service', phase: 'whoIsThis', peer: 'better-auth' },
  { promise: 'who is this, a peer that joins in SQL', phase: 'whoIsThis', peer: 'better-auth, tuned' },
  { promise: 'who is this, a peer that asks its cookie', phase: 'whoIsThis', peer: 'better-auth, cached' },
  { promise: 'sign-out', phase: 'signOut', peer: 'better-auth' },
  { promise: 'sign-out, a peer that joins in SQL', phase: 'signOut', peer: 'better-auth, tuned' },
]

function compare(results: Results, { promise, phase, peer }: Comparison): Finding {
  const [ours, theirs] = [resultOf(results, 'chat-auth'), resultOf(results, peer)]
  return {
    promise,
    figure: served(ours, phase),
    against: `${peer}: ${served(theirs, phase)}`,
    ratio: ratio(ours.measured[phase], theirs.measured[phase]),
  }
}

function compareLocal(results: Results, phase: 'checkFirst' | 'checkAgain', promise: string): Finding {
  const ours = resultOf(results, 'chat-auth').measured[phase]
  const theirs = resultOf(results, 'better-auth, cached').measured[phase]
  return {
    promise: `who is this, in another service that asks nobody: ${promise}`,
    figure: `${readable(rate(ours))}/s`,
    against: `better-auth, cookie cache: ${readable(rate(theirs))}/s`,
    ratio: ratio(ours, theirs),
  }
}

function afterSignOut(results: Results): Finding {
  const ours = resultOf(results, 'chat-auth').afterEnd.refusedElsewhereMs
  const theirs = resultOf(results, 'better-auth, cached').afterEnd
  const known = ours.filter((ms) => ms !== undefined)
  const { p50, max } = latency(known)
  const late = ours.length > known.length ? `, ${ours.length - known.length} NOT YET` : ''
  const seconds = readable(theirs.acceptedElsewhereSeconds)
  const itself = `${theirs.acceptedByServer} of ${theirs.ended} by its own server`
  return {
    promise: 'signed out, and still accepted by another service',
    figure: `p50 ${milliseconds(p50)}, max ${milliseconds(max)}${late}`,
    against: `better-auth, cookie cache: seen ${seconds} s later (up to ${CACHE_SECONDS} s); ${itself}`,
  }
}

function memory(results: Results): Finding {
  const [ours, theirs] = [resultOf(results, 'chat-auth'), resultOf(results, 'better-auth')]
  const told = ({ idleBytes, loadedBytes }: Result): string =>
    `${readable(idleBytes / 2 ** 20)} MiB, ${readable(loadedBytes / 2 ** 20)} MiB after the load`
  return {
    promise: 'memory of the process, started and unused',
    figure: told(ours),
    against: `better-auth: ${told(theirs)}`,
    ratio: ours.idleBytes / theirs.idleBytes,
  }
}

function figuresOf(measured: readonly Measured[]) {
  const all = measured.flatMap((each) => each.latencies)
  const perSecond = spread(rates(measured))
  if (all.length === 0) return { perSecond }
  return {
    perSecond,
    latencyMs: latency(all),
    cpuMsPerRequest: spread(measured.map((each) => each.cpuMsPerRequest ?? NaN)),
    databaseCpuMsPerRequest: spread(measured.map((each) => each.databaseCpuMsPerRequest ?? NaN)),
  }
}

function figures({ name, measured, ...rest }: Result) {
  const asked = Object.entries(measured).filter(([, each]) => each.length > 0) as [Phase, Measured[]][]
  return { name, ...rest, ...Object.fromEntries(asked.map(([phase, each]) => [phase, figuresOf(each)])) }
}

const plot = (all: readonly Result[]): Plot => ({
  kind: 'bars',
  name: 'rates',
  title: 'The same work done by better-auth',
  subtitle: 'Sixteen connections in parallel, median of the rounds. Higher is better.',
  unit: 'a second',
  series: all.map(({ name }) => name),
  groups: (
    [
      ['sign in', 'signIn'],
      ['who is this', 'whoIsThis'],
      ['sign out', 'signOut'],
    ] as const
  ).map(([name, phase]) => ({
    name,
    values: all.map(({ measured }) => (measured[phase].length > 0 ? rate(measured[phase]) : undefined)),
  })),
})

export function report(all: readonly Result[]): Omit<Outcome, 'postgres'> {
  const results: Results = new Map(all.map((result) => [result.name, result]))
  return {
    findings: [
      ...comparisons.map((comparison) => compare(results, comparison)),
      compareLocal(results, 'checkFirst', 'first sight'),
      compareLocal(results, 'checkAgain', 'seen before'),
      afterSignOut(results),
      memory(results),
    ],
    figures: all.map(figures),
    plots: [plot(all)],
  }
}
