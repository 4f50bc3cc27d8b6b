// Runs in a thread of its own; see hashing-threads.ts.
import { pbkdf2Sync } from 'node:crypto'
import { setPriority } from 'node:os'
import { parentPort } from 'node:worker_threads'
import { hashSync, verifySync } from '@node-rs/argon2'

const work = {
  argon2Hash: hashSync,
  argon2Verify: verifySync,
  /** A Buffer would not arrive as one. */
  pbkdf2: (...input: Parameters<typeof pbkdf2Sync>): Uint8Array => pbkdf2Sync(...input),
}

export type HashingWork = typeof work

export interface Task {
  readonly name: keyof HashingWork
  readonly input: readonly unknown[]
}

export type Result = { readonly output: unknown } | { readonly failure: unknown }

/** The least: whatever else there is to do on this machine goes first. */
const LOWEST_PRIORITY = 19

// Linux takes 0 for the calling thread, as no other system does: there the whole process would give way.
if (process.platform === 'linux') setPriority(0, LOWEST_PRIORITY)

function resultOf({ name, input }: Task): Result {
  try {
    return { output: (work[name] as (...input: unknown[]) => unknown)(...input) }
  } catch (failure) {
    return { failure }
  }
}

parentPort?.on('message', (task: Task) => parentPort?.postMessage(resultOf(task)))
