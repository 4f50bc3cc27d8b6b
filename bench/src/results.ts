import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Finding, Outcome } from './bench.ts'
import { describeMachine, loadNow, type Machine } from './machine.ts'
import { drawPlot } from './plot.ts'
import { markdownTable } from './table.ts'

const folder = fileURLToPath(new URL('../results', import.meta.url))

interface Result {
  readonly bench: string
  readonly takenAt: string
  readonly seconds: number
  readonly load: { readonly before: number; readonly after: number }
  readonly machine: Machine
  readonly findings: readonly Finding[]
  readonly plots: readonly { readonly file: string; readonly title: string }[]
  readonly figures: unknown
}

/** Replaces the result of an earlier run. */
export function writeResult(
  bench: string,
  outcome: Outcome,
  run: { readonly seconds: number; readonly loadBefore: number },
): void {
  mkdirSync(folder, { recursive: true })
  const plots = outcome.plots.map((plot) => {
    const file = `${bench}-${plot.name}.svg`
    writeFileSync(join(folder, file), drawPlot(plot))
    return { file, title: plot.title }
  })
  const result: Result = {
    bench,
    takenAt: new Date().toISOString(),
    seconds: run.seconds,
    load: { before: run.loadBefore, after: loadNow() },
    machine: describeMachine(outcome.postgres),
    findings: outcome.findings,
    plots,
    figures: outcome.figures,
  }
  writeFileSync(join(folder, `${bench}.json`), `${JSON.stringify(result, rounded, 2)}\n`)
}

/** A page over the latest results of every bench. */
export function writeOverview(): void {
  const results = readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as Result)
  const sections = results.map(
    ({ bench, takenAt, seconds, load, machine, findings, plots }) => `## ${bench}

${markdownTable(findings)}

${plots.map(({ file, title }) => `![${title}](${file})`).join('\n\n')}

Taken ${takenAt.slice(0, 16).replace('T', ' ')} UTC in ${seconds} s, load ${load.before} before and ${load.after} after.
${machine.processor}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.kernel}, Node ${machine.node}, OpenSSL ${machine.openssl}${machine.postgres === undefined ? '' : `, PostgreSQL ${machine.postgres}`}.
`,
  )
  const heading = '# Results\n\nWritten by `npm run bench`; how to read it: [../README.md](../README.md).\n'
  writeFileSync(join(folder, 'README.md'), [heading, ...sections].join('\n'))
}

/** Digits beyond the precision of the measurement would only clutter the diff of the next run. */
const rounded = (_name: string, value: unknown): unknown =>
  typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value
