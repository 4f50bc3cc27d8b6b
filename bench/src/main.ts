// npm run bench [-- name …]: measures the promises and prints one table.
import type { Bench, Finding, Outcome } from './bench.ts'
import { benches } from './benches.ts'
import { Child } from './child.ts'
import { loadNow } from './machine.ts'
import { writeOverview, writeResult } from './results.ts'
import type { OneBench } from './run-one.ts'
import { textTable } from './table.ts'

const say = (text: string): void => void process.stderr.write(`${text}\n`)

function benchesNamed(names: readonly string[]): [string, Bench][] {
  const unknown = names.filter((name) => !Object.hasOwn(benches, name))
  if (unknown.length > 0) {
    const known = Object.entries(benches).map(([name, { what }]) => `  ${name.padEnd(10)} ${what}`)
    say(`There is no bench ${unknown.join(', ')}. There are:\n${known.join('\n')}`)
    process.exit(2)
  }
  return Object.entries(benches).filter(([name]) => names.length === 0 || names.includes(name))
}

/** Runs the bench in a process of its own; everything it started ends with that process. */
async function runAlone(name: string, { limitSeconds }: Bench): Promise<Outcome> {
  const child = new Child<OneBench>(new URL('run-one.ts', import.meta.url))
  const interrupt = (): void => void child.stop()
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt)
  const limit = setTimeout(() => {
    say(`${name} took longer than ${limitSeconds} s and was stopped.`)
    interrupt()
  }, limitSeconds * 1_000)
  try {
    return await child.ask('run', name)
  } finally {
    clearTimeout(limit)
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt)
    await child.stop()
  }
}

const findings: Finding[] = []
for (const [name, bench] of benchesNamed(process.argv.slice(2))) {
  say(`${name}: ${bench.what} (at most ${bench.limitSeconds} s)`)
  const loadBefore = loadNow()
  const startedAt = performance.now()
  try {
    const outcome = await runAlone(name, bench)
    const seconds = Math.round((performance.now() - startedAt) / 1_000)
    writeResult(name, outcome, { seconds, loadBefore })
    findings.push(...outcome.findings)
  } catch (error) {
    say(`${name} failed. ${error instanceof Error ? error.message : String(error)}`)
    process.exitCode = 1
    break
  }
}
if (findings.length > 0) {
  writeOverview()
  process.stdout.write(`\n${textTable(findings)}\n`)
}
