import { readFileSync } from 'node:fs'
import { cpuMs } from '../feed/operating-system.ts'

/** Milliseconds of processor time that each child of a process has taken so far. */
export function cpuMsOfChildren(pid: number): ReadonlyMap<number, number> {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').match(/\d+/g) ?? []
  return new Map(children.map((child) => [Number(child), cpuMsIfRunning(Number(child))]))
}

/** Processor time of all children since `before`. Children that have ended are not counted. */
export function cpuMsSince(before: ReadonlyMap<number, number>, pid: number): number {
  return [...cpuMsOfChildren(pid)].reduce((sum, [child, ms]) => sum + ms - (before.get(child) ?? 0), 0)
}

function cpuMsIfRunning(pid: number): number {
  try {
    return cpuMs(pid)
  } catch {
    return 0
  }
}
