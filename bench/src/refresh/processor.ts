import { readdirSync, readFileSync } from 'node:fs'

const TICK_MS = 10

/** From the third field on, see proc(5): 1 is the parent, 11 to 14 the time of the process and of its dead children. */
function statOf(pid: number): readonly number[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number)
  } catch {
    // The process ended after the list was read.
    return []
  }
}

const timeOf = (stat: readonly number[], from: number): number =>
  stat.slice(from, 15).reduce((sum, ticks) => sum + ticks, 0) * TICK_MS

/** Milliseconds of processor time of the ended child processes of this process. */
export const endedChildrenCpuMs = (): number => timeOf(statOf(process.pid), 13)

/** Milliseconds of processor time of a process and of those it has started, also when they have ended. */
export function familyCpuMs(pid: number): number {
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => statOf(Number(name)))
    .filter((stat) => stat[1] === pid)
  return [statOf(pid), ...children].reduce((sum, stat) => sum + timeOf(stat, 11), 0)
}
