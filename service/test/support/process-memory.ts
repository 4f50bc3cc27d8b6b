// Reads the memory of another process from Linux, in megabytes.
import { readFileSync } from 'node:fs'

const read = (pid: number, name: 'VmRSS' | 'VmHWM'): number => {
  const [, kilobytes] =
    new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) / 1_024
}

export const residentMegabytes = (pid: number): number => read(pid, 'VmRSS')

/** The most memory that the process has ever used. */
export const peakMegabytes = (pid: number): number => read(pid, 'VmHWM')
