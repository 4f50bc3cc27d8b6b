// What clients asked for and what they were told, on their side of the network: whatever fails over there, it stays.
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { Answer } from './test-client.ts'

export type Ending = 'sign-out' | 'end-all' | 'password-change' | 'ban'

interface Ended {
  readonly session: string
  readonly reason: string
}

export type Operation =
  | { readonly what: 'registration' }
  /** The session has no name that is known before the answer. */
  | { readonly what: 'sign-in'; readonly session?: string }
  /** `generation`: the one that the refresh begins. */
  | { readonly what: 'refresh'; readonly session: string; readonly generation: number }
  /** The session of the caller's goes on after a password change, so it is not among those that end. */
  | { readonly what: Ending | 'replay'; readonly ends: readonly Ended[] }

/** `unknown`: no answer came, or one that says to come back later. It may have been done or not. */
export type Outcome = 'acknowledged' | 'refused' | 'unknown'

export type Entry = Operation & { readonly who: string; readonly outcome: Outcome; readonly at: string }

/** What one person does is noted under their name. */
export interface Diary {
  note(operation: Operation, outcome: Outcome): void
}

export const NO_DIARY: Diary = { note: () => undefined }

/** Append-only, in a file that is kept and named when the test fails. */
export class AcknowledgedRecord {
  readonly #folder = mkdtempSync(join(tmpdir(), 'chat-auth-record-'))
  readonly #file = join(this.#folder, 'record.ndjson')
  #acknowledged = 0

  constructor() {
    onTestFinished(({ task }) => {
      if (task.result?.state === 'fail') console.log(`What was acknowledged: ${this.#file}`)
      else rmSync(this.#folder, { recursive: true })
    })
  }

  get acknowledged(): number {
    return this.#acknowledged
  }

  of(who: string): Diary {
    return {
      note: (operation, outcome) => {
        if (outcome === 'acknowledged') this.#acknowledged += 1
        const entry: Entry = { ...operation, who, outcome, at: new Date().toISOString() }
        appendFileSync(this.#file, `${JSON.stringify(entry)}\n`)
      },
    }
  }

  /** As they are in the file. */
  entries(): readonly Entry[] {
    return readFileSync(this.#file, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Entry)
  }
}

/** A 503 may come after the commit, when it was the database's answer that got lost. */
export function outcomeOf(answer: Answer | undefined): Outcome {
  if (answer === undefined || answer.status === 503) return 'unknown'
  return answer.status < 300 ? 'acknowledged' : 'refused'
}
