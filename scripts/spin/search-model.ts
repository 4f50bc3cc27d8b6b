// Lets Spin search the states of a model.
import { execFile } from 'node:child_process'
import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { requireSpin } from './find-spin.ts'

const run = promisify(execFile)

const CPU_SECONDS = 60
const MEMORY_MB = 1_500
/** More steps than any path has before it meets a state that it has seen. */
const DEPTH = 200_000

export interface SearchResult {
  /** Every state that the model can reach was visited. */
  readonly isComplete: boolean
  /** The violated assertion, without its negation; undefined if there is no error. */
  readonly violated: string | undefined
  readonly errors: number
  readonly states: number
  /** Statements that were never executed, as "line: text". */
  readonly unreached: readonly string[]
  /** The output of the search. */
  readonly report: string
}

interface Search {
  readonly path: string
  /** Names that the model's preprocessor knows, as in "NO_MERGE" or "SESSIONS=2". */
  readonly switches: readonly string[]
  /** A search that visits many states is worth a slow compiler. */
  readonly isLong: boolean
}

/** Searches until the first error. */
export async function searchModel({ path, switches, isLong }: Search): Promise<SearchResult> {
  const { spin, compiler } = requireSpin()
  const folder = await mkdtemp(join(tmpdir(), 'chat-auth-model-'))
  const options = { cwd: folder }
  try {
    await copyFile(path, join(folder, 'model.pml'))
    await run(spin, [...switches.map((name) => `-D${name}`), '-a', 'model.pml'], options)
    const limits = [isLong ? '-O1' : '-O0', '-DSAFETY', `-DMEMLIM=${MEMORY_MB}`]
    await run(compiler, [...limits, '-o', 'pan', 'pan.c'], options)
    const limited = `ulimit -t ${CPU_SECONDS} && exec ./pan -m${DEPTH} -w22`
    const { stdout } = await run('sh', ['-c', limited], options)
    return readReport(stdout)
  } finally {
    await rm(folder, { recursive: true })
  }
}

function readReport(report: string): SearchResult {
  const numberIn = (pattern: RegExp): number => Number(pattern.exec(report)?.[1] ?? NaN)
  const cut = /not completed|max search depth too small|out of memory|bound/i.test(report)
  return {
    isComplete: report.includes('Full statespace search for:') && !cut,
    violated: /assertion violated\s+!?\(*(.+?)\)* \(at depth/.exec(report)?.[1],
    errors: numberIn(/errors: (\d+)/),
    states: numberIn(/(\d+) states, stored/),
    unreached: [...report.matchAll(/model\.pml:(\d+), state \d+, "(.*)"$/gm)]
      // A loop without an end.
      .filter(([, , text]) => text !== '-end-')
      .map(([, line, text]) => `${line}: ${text}`),
    report,
  }
}
