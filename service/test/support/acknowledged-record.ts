// Records the requests of clients and the outcomes they saw. It lives outside the service, so no fault can reach it.
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { ApiResponse } from './test-client.ts'

export type Ending = 'sign-out' | 'end-all' | 'password-change' | 'ban'

interface Ended {
  readonly session: string
  readonly reason: string
}

/** A session that a password change gave a new generation, and the highest that this can be. */
interface Renewed {
  readonly session: string
  readonly generation: number
}

export type Operation =
  | { readonly what: 'registration' }
  /** The session id is unknown until the response arrives. */
  | { readonly what: 'sign-in'; readonly session?: string }
  /** `generation` is the one that the refresh starts. */
  | { readonly what: 'refresh'; readonly session: string; readonly generation: number }
  /** The caller's own session survives a password change, so it is in `renews` and not in `ends`. */
  | { readonly what: Ending | 'replay'; readonly ends: readonly Ended[]; readonly renews?: Renewed }

/** `unknown`: no response arrived, or a 503. The operation may or may not have been done. */
export type Outcome = 'acknowledged' | 'refused' | 'unknown'

export type Entry = Operation & { readonly who: string; readonly outcome: Outcome; readonly at: string }

/** Records the operations of one user under their name. */
export interface OperationLog {
  note(operation: Operation, outcome: Outcome): void
}

export const NO_LOG: OperationLog = { note: () => undefined }

/** An append-only file. A failed test keeps the file and prints its path. */
export class AcknowledgedRecord {
  readonly #folder = mkdtempSync(join(tmpdir(), 'chat-auth-record-'))
  readonly #file = join(this.#folder, 'record.ndjson')
  #acknowledged = 0

  constructor() {
    onTestFinished(({ task }) => {
      if (task.result?.state === 'fail') console.log(`The acknowledged operations are in ${this.#file}`)
      else rmSync(this.#folder, { recursive: true })
    })
  }

  get acknowledged(): number {
    return this.#acknowledged
  }

  of(who: string): OperationLog {
    return {
      note: (operation, outcome) => {
        if (outcome === 'acknowledged') this.#acknowledged += 1
        const entry: Entry = { ...operation, who, outcome, at: new Date().toISOString() }
        appendFileSync(this.#file, `${JSON.stringify(entry)}\n`)
      },
    }
  }

  /** Reads the entries back from the file. */
  entries(): readonly Entry[] {
    return readFileSync(this.#file, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Entry)
  }
}

/** A 503 can follow a commit: the database's response may have been lost. */
export function outcomeOf(response: ApiResponse | undefined): Outcome {
  if (response === undefined || response.status === 503) return 'unknown'
  return response.status < 300 ? 'acknowledged' : 'refused'
}
