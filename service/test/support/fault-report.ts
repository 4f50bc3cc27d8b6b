// What the fault tests did: written down by them, shown by the closing lines.
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { inject, onTestFinished } from 'vitest'

/** What one fault test did, for the table in the run's last lines. */
export interface FaultTally {
  /** The row of the table in the documentation, such as "kill -9 during refresh and ending". */
  readonly fault: string
  readonly rounds: number
  readonly seed?: number
  readonly injected: number
  /** Operations acknowledged. */
  readonly acknowledged: number
  /** Acknowledged and not true any more; the test also fails. */
  readonly lost: number
  readonly falseLogouts: number
}

/** Appends to a file that other processes write to as well. */
export const reportFault = (tally: FaultTally): void =>
  appendFileSync(inject('faultTallies'), `${JSON.stringify(tally)}\n`)

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] }

/** To be counted up while the test runs, and reported when it ends, however it does. */
export function tallyFault(fault: string, seed?: number): Mutable<FaultTally> {
  const begun = { fault, rounds: 0, injected: 0, acknowledged: 0, lost: 0, falseLogouts: 0 }
  const tally = seed === undefined ? begun : { ...begun, seed }
  onTestFinished(() => reportFault(tally))
  return tally
}

/** Whether something was lost or somebody was signed out, whatever the tests made of it. */
export const hasLosses = (file: string): boolean =>
  readTallies(file).some(({ lost, falseLogouts }) => lost + falseLogouts > 0)

/** A line for each fault and one for all of them; none when no fault was reported. */
export function faultTable(file: string): string[] {
  const tallies = readTallies(file)
  if (tallies.length === 0) return []
  const byFault = Object.values(Object.groupBy(tallies, ({ fault }) => fault))
  const rows = byFault.flatMap((same = []) => same.slice(0, 1).map(({ fault }) => rowOf(fault, same)))
  return aligned([HEADINGS, ...rows, rowOf('total', tallies)])
}

const HEADINGS = ['Fault', 'Rounds', 'Injected', 'Acknowledged', 'Lost', 'False logouts', 'Seeds']

function rowOf(name: string, tallies: readonly FaultTally[]): string[] {
  const sums = (['rounds', 'injected', 'acknowledged', 'lost', 'falseLogouts'] as const).map((figure) =>
    tallies.reduce((sum, tally) => sum + tally[figure], 0),
  )
  const seeds = name === 'total' ? [] : tallies.flatMap(({ seed }) => seed ?? [])
  return [name, ...sums.map(String), seeds.join(' ')]
}

/** Names and seeds to the left, figures to the right. */
function aligned(rows: readonly string[][]): string[] {
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const pad = (cell: string, column: number) =>
    column === 0 || column === HEADINGS.length - 1
      ? cell.padEnd(widths[column] ?? 0)
      : cell.padStart(widths[column] ?? 0)
  return rows.map((row) => row.map(pad).join('  ').trimEnd())
}

const readTallies = (file: string): FaultTally[] =>
  existsSync(file)
    ? readFileSync(file, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as FaultTally)
    : []
