// Runs the tests of verifiers in other languages. A machine without the language skips them, and the closing lines of the
// run say so; in CI a missing language is a failure.
import { spawn } from 'node:child_process'
import { appendFileSync } from 'node:fs'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { inject } from 'vitest'
import { missingLanguage } from '../service/test/support/tested-languages.ts'

const isCi = (process.env['CI'] ?? '') !== ''

const record = (line: string): void => appendFileSync(inject('testedLanguages'), `${line}\n`)

/** For the closing lines, such as "Python 3.12.1, 140 tests". */
export const recordTested = (language: string, version: string, count: number): void =>
  record(`${language} ${version}, ${count} tests`)

/**
 * Returns what `require` returns. If it throws, the language is missing: the test is skipped, and the closing lines name
 * the language. In CI the error is thrown.
 */
export function requireLanguage<Found>(
  language: string,
  require: () => Found,
  skip: (note: string) => never,
): Found {
  try {
    return require()
  } catch (error) {
    if (isCi) throw error
    const reason = error instanceof Error ? error.message : String(error)
    record(missingLanguage(language, reason))
    return skip(reason)
  }
}

export interface Run {
  /** Null if a signal ended the program. */
  readonly code: number | null
  /** Both streams, as they came. */
  readonly output: string
}

/** Runs a program to its end. */
export async function runToEnd(
  program: string,
  args: readonly string[],
  { cwd, env }: { readonly cwd: string; readonly env?: NodeJS.ProcessEnv },
): Promise<Run> {
  const child = spawn('sh', ['-c', 'exec "$@" 2>&1', 'sh', program, ...args], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [output, [code]] = await Promise.all([
    text(child.stdout),
    once(child, 'close') as Promise<[number | null]>,
  ])
  return { code, output }
}
