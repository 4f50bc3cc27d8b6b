import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { resolve } from 'node:path'
import type { Writable } from 'node:stream'
import type { Outcome } from '../../application/users/import-users.ts'
import { CannotImport } from './cannot-import.ts'

export interface Report {
  /** Writes a line for each remark. */
  write(outcomes: readonly Outcome[]): Promise<void>
  close(): Promise<void>
}

/** Writes JSON lines to a new file of that name, or to `stdout` for `-`. */
export async function openReport(name: string, stdout: Writable): Promise<Report> {
  if (name === '-') return { write: (outcomes) => writeTo(stdout, linesOf(outcomes)), close: async () => {} }
  const file = createWriteStream(resolve(name), { flags: 'wx', mode: 0o600 })
  try {
    await once(file, 'open')
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new CannotImport(
      `The report cannot be written: ${reason}. Choose a new file with --report, or - for standard output.`,
    )
  }
  return {
    write: (outcomes) => writeTo(file, linesOf(outcomes)),
    close: async () => {
      file.end()
      await once(file, 'close')
    },
  }
}

/** Contains no names, addresses or hashes: the id finds them in the old database, and the file may be left unprotected. */
const linesOf = (outcomes: readonly Outcome[]): string =>
  outcomes
    .flatMap(({ row, outcome, remarks }) => remarks.map((remark) => lineOf(row.id, outcome, remark)))
    .join('')

const lineOf = (id: string | null, outcome: string, remark: Outcome['remarks'][number]): string => {
  const { reason, explanation, takenBy } = remark
  return `${JSON.stringify({ id: numberIn(id), outcome, reason, explanation, taken_by: takenBy })}\n`
}

/** As a number if it is one. */
const numberIn = (id: string | null): number | string | null =>
  id !== null && /^-?\d{1,15}$/.test(id) ? Number(id) : id

async function writeTo(stream: Writable, text: string): Promise<void> {
  if (text === '') return
  const { promise, resolve: done, reject } = Promise.withResolvers<undefined>()
  stream.write(text, (error) =>
    error
      ? reject(
          new CannotImport(
            `The report cannot be written: ${error.message}. Free some disk space, or choose another file with --report.`,
          ),
        )
      : done(undefined),
  )
  await promise
}
