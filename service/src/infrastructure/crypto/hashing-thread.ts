// Runs in a worker thread, see hashing-threads.ts.
import { pbkdf2Sync } from 'node:crypto'
import { setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import { hashSync, verifySync } from '@node-rs/argon2'

const work = {
  argon2Hash: hashSync,
  argon2Verify: verifySync,
  /** A Buffer arrives in the other thread as a Uint8Array. */
  pbkdf2: (...input: Parameters<typeof pbkdf2Sync>): Uint8Array => pbkdf2Sync(...input),
}

export type HashingWork = typeof work

export interface Task {
  readonly name: keyof HashingWork
  readonly input: readonly unknown[]
}

/** How long the work took, and how much of that the thread had a processor. */
export interface Took {
  readonly elapsedMs: number
  readonly processorMs: number
}

export type Result = ({ readonly output: unknown } | { readonly failure: unknown }) & { readonly took: Took }

export interface Settings {
  readonly isLow: boolean
}

/** All other work on this machine goes first. */
const LOWEST_PRIORITY = 19

// On Linux, 0 means the calling thread. On other systems it means the process, and the event loop would slow down too.
if (process.platform === 'linux' && (workerData as Settings).isLow) setPriority(0, LOWEST_PRIORITY)

function resultOf({ name, input }: Task): { output: unknown } | { failure: unknown } {
  try {
    return { output: (work[name] as (...input: unknown[]) => unknown)(...input) }
  } catch (failure) {
    return { failure }
  }
}

function timed(task: Task): Result {
  const [began, usedBefore] = [performance.now(), process.threadCpuUsage()]
  const result = resultOf(task)
  const { user, system } = process.threadCpuUsage(usedBefore)
  return {
    ...result,
    took: { elapsedMs: performance.now() - began, processorMs: (user + system) / 1_000 },
  }
}

parentPort?.on('message', (task: Task) => parentPort?.postMessage(timed(task)))
