// Fault tests write their results to a file here; the closing lines print them.
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { inject, onTestFinished } from 'vitest'

/** The results of one fault test: a row of the table in the closing lines. */
export interface FaultResult {
  /** The name of the row, such as "kill -9 during refresh and ending". */
  readonly fault: string
  readonly rounds: number
  readonly seed?: number
  readonly injected: number
  /** The number of acknowledged operations. */
  readonly acknowledged: number
  /** The number of acknowledged operations that were undone; the test also fails. */
  readonly lost: number
  readonly falseLogouts: number
}

/** Appends to a file that other processes also write to. */
export const reportFault = (result: FaultResult): void =>
  appendFileSync(inject('faultResults'), `${JSON.stringify(result)}\n`)

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] }

/** The test increments the result while it runs. It is reported when the test ends, even if the test fails. */
export function recordFault(fault: string, seed?: number): Mutable<FaultResult> {
  const begun = { fault, rounds: 0, injected: 0, acknowledged: 0, lost: 0, falseLogouts: 0 }
  const result = seed === undefined ? begun : { ...begun, seed }
  onTestFinished(() => reportFault(result))
  return result
}

/** Whether any test lost an operation or signed a user out, even if that test passed. */
export const hasLosses = (file: string): boolean =>
  readResults(file).some(({ lost, falseLogouts }) => lost + falseLogouts > 0)

/** One line for each fault and a total; empty if no fault was reported. */
export function faultTable(file: string): string[] {
  const results = readResults(file)
  if (results.length === 0) return []
  const byFault = Object.values(Object.groupBy(results, ({ fault }) => fault))
  const rows = byFault.flatMap((same = []) => same.slice(0, 1).map(({ fault }) => rowOf(fault, same)))
  return aligned([HEADINGS, ...rows, rowOf('total', results)])
}

const HEADINGS = ['Fault', 'Rounds', 'Injected', 'Acknowledged', 'Lost', 'False logouts', 'Seeds']

function rowOf(name: string, results: readonly FaultResult[]): string[] {
  const sums = (['rounds', 'injected', 'acknowledged', 'lost', 'falseLogouts'] as const).map((figure) =>
    results.reduce((sum, result) => sum + result[figure], 0),
  )
  const seeds = name === 'total' ? [] : results.flatMap(({ seed }) => seed ?? [])
  return [name, ...sums.map(String), seeds.join(' ')]
}

/** Names and seeds are left-aligned, figures right-aligned. */
function aligned(rows: readonly string[][]): string[] {
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const pad = (cell: string, column: number) =>
    column === 0 || column === HEADINGS.length - 1
      ? cell.padEnd(widths[column] ?? 0)
      : cell.padStart(widths[column] ?? 0)
  return rows.map((row) => row.map(pad).join('  ').trimEnd())
}

const readResults = (file: string): FaultResult[] =>
  existsSync(file)
    ? readFileSync(file, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as FaultResult)
    : []
