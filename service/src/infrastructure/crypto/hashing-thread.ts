// Runs in a worker thread, see unstarved-threads.ts.
import { pbkdf2Sync } from 'node:crypto'
import { setPriority } from 'node:os'
import { workerData } from 'node:worker_threads'
import { hashSync, verifySync } from '@node-rs/argon2'
import { serveTasks } from './serve-tasks.ts'

const tasks = {
  argon2Hash: hashSync,
  argon2Verify: verifySync,
  /** A Buffer arrives in the other thread as a Uint8Array. */
  pbkdf2: (...input: Parameters<typeof pbkdf2Sync>): Uint8Array => pbkdf2Sync(...input),
}

export type HashingTasks = typeof tasks

export interface Settings {
  readonly isLow: boolean
}

/** All other work on this machine goes first. */
const LOWEST_PRIORITY = 19

// On Linux, 0 means the calling thread. On other systems it means the process, and the event loop would slow down too.
if (process.platform === 'linux' && (workerData as Settings).isLow) setPriority(0, LOWEST_PRIORITY)

serveTasks(tasks)
