import { availableParallelism } from 'node:os'
import type { Finding, Outcome } from '../bench.ts'
import { hasAutogroups } from '../machine.ts'
import { milliseconds, readable } from '../numbers.ts'
import { latency, median, spread } from '../statistics.ts'
import type { Phase, Round } from './scenario.ts'

/** Promised of the 99th percentile while sign-ins saturate the cores (product.md). */
const PROMISED = 2

const autogroups = hasAutogroups()

const WHY_SLOWER =
  `hashing shares ${availableParallelism()} cores with everything else, clients included` +
  (autogroups ? ', and autogroups may hide its low priority from PostgreSQL' : '') +
  ' (bench/README.md)'

const VERIFICATION = 'verification in another process'

const kinds: Readonly<Record<string, (phase: Phase) => readonly number[]>> = {
  refresh: ({ refresh }) => refresh.sinceDue,
  'GET /v1/users/me': ({ user }) => user.sinceDue,
  [VERIFICATION]: ({ verify }) => verify,
}

const idleOf = (rounds: readonly Round[], of: (phase: Phase) => readonly number[]): number[] =>
  rounds.flatMap(({ idle }) => of(idle))
const stormOf = (rounds: readonly Round[], of: (phase: Phase) => readonly number[]): number[] =>
  rounds.flatMap(({ storm }) => of(storm))

const p99Ratios = (rounds: readonly Round[], of: (phase: Phase) => readonly number[]): number[] =>
  rounds.map(({ idle, storm }) => latency(of(storm)).p99 / latency(of(idle)).p99)

/** Of refreshes and of GET /v1/users/me, in all rounds. */
const refusedIn = (phases: readonly Phase[]): number =>
  phases.reduce((sum, { refresh, user }) => sum + refresh.refused + user.refused, 0)

function waiting(rounds: readonly Round[], kind: string, of: (phase: Phase) => readonly number[]): Finding {
  const [idle, storm] = [latency(idleOf(rounds, of)), latency(stormOf(rounds, of))]
  const ratio = median(p99Ratios(rounds, of))
  const refused = kind === VERIFICATION ? 0 : refusedIn(rounds.map((round) => round.storm))
  const lost = refused > 0 ? `, ${refused} visits refused` : ''
  return {
    promise: `during a storm of sign-ins, ${kind}: p99 within ${PROMISED}x of idle`,
    figure: `p50 ${milliseconds(storm.p50)}, p99 ${milliseconds(storm.p99)}${lost}`,
    against: `idle: p50 ${milliseconds(idle.p50)}, p99 ${milliseconds(idle.p99)}`,
    ratio,
    isKept: ratio <= PROMISED && refused === 0,
    whyNot: refused > 0 ? 'some were refused' : WHY_SLOWER,
  }
}

function signIns(rounds: readonly Round[]): Finding[] {
  const middle = (of: (round: Round) => number): number => median(rounds.map(of))
  const bare = middle(({ bareHashes }) => bareHashes)
  const refused = middle(({ signInsDuringStorm }) => signInsDuringStorm.refusedPerSecond)
  return [
    {
      promise: 'sign-ins per second, nothing else going on',
      figure: `${readable(middle(({ signInsAlone }) => signInsAlone))}/s`,
      against: `bare Argon2id of a thread for each core ${readable(bare)}/s`,
      ratio: middle(({ signInsAlone, bareHashes }) => signInsAlone / bareHashes),
    },
    {
      promise: 'sign-ins per second during the storm',
      figure: `${readable(middle(({ signInsDuringStorm }) => signInsDuringStorm.perSecond))}/s`,
      against: `bare Argon2id ${readable(bare)}/s; told to come back ${readable(refused)}/s`,
      ratio: middle(({ signInsDuringStorm, bareHashes }) => signInsDuringStorm.perSecond / bareHashes),
    },
  ]
}

function figuresOf(rounds: readonly Round[]) {
  const alsoSinceSent: typeof kinds = {
    ...kinds,
    'refresh, since sent': ({ refresh }) => refresh.sinceSent,
    'GET /v1/users/me, since sent': ({ user }) => user.sinceSent,
  }
  const waits = Object.entries(alsoSinceSent).map(([kind, of]) => ({
    kind,
    idleMs: latency(idleOf(rounds, of)),
    stormMs: latency(stormOf(rounds, of)),
    p99Ratios: p99Ratios(rounds, of),
  }))
  return {
    autogroups,
    waits,
    refusedIdle: refusedIn(rounds.map(({ idle }) => idle)),
    refusedInStorm: refusedIn(rounds.map(({ storm }) => storm)),
    signInsDuringStorm: rounds.map(({ signInsDuringStorm }) => signInsDuringStorm),
    signInsAlone: spread(rounds.map(({ signInsAlone }) => signInsAlone)),
    bareHashes: spread(rounds.map(({ bareHashes }) => bareHashes)),
  }
}

export const report = (rounds: readonly Round[]): Omit<Outcome, 'postgres'> => ({
  findings: [...Object.entries(kinds).map(([kind, of]) => waiting(rounds, kind, of)), ...signIns(rounds)],
  figures: figuresOf(rounds),
  plots: [
    {
      kind: 'bars',
      name: 'waits',
      title: 'Latency of other requests during a storm of sign-ins',
      subtitle: `99th percentile of ${readable(stormOf(rounds, ({ verify }) => verify).length)} of each kind, since each was due. Lower is better.`,
      unit: 'milliseconds',
      series: ['idle', 'storm'],
      groups: Object.entries(kinds).map(([name, of]) => ({
        name,
        values: [latency(idleOf(rounds, of)).p99, latency(stormOf(rounds, of)).p99],
      })),
    },
  ],
})
