import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os'

export interface Machine {
  readonly processor: string
  readonly cores: number
  readonly memoryGiB: number
  readonly kernel: string
  readonly node: string
  readonly openssl: string
  readonly postgres?: string
}

/** The machine the figures were measured on. */
export const describeMachine = (postgres?: string): Machine => ({
  processor: cpus()[0]?.model.trim() ?? 'unknown',
  cores: availableParallelism(),
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  // The suffixes of distributions and hosts do not matter for the figures.
  kernel: `${type()} ${/^[\d.]*\d/.exec(release())?.[0] ?? release()}`,
  node: process.version,
  openssl: process.versions.openssl,
  ...(postgres !== undefined && { postgres }),
})

/** Whether the system makes groups of processes, among which priorities do not count (sched(7), "The autogroup feature"). */
export function hasAutogroups(): boolean {
  try {
    return readFileSync('/proc/sys/kernel/sched_autogroup_enabled', 'utf8').trim() === '1'
  } catch {
    return false
  }
}

/** Processes that ran or waited to, on average over the last minute. More than cores: others were at work, too. */
export const loadNow = (): number => Math.round((loadavg()[0] ?? 0) * 10) / 10
