// Facts from Linux about other processes and their connections.
import { readFileSync } from 'node:fs'

const TICK_MS = 10
const ESTABLISHED = '01'

/** Bytes of memory that the process has in use. */
export function residentBytes(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) * 1_024
}

/** Milliseconds of processor time, of all its threads. */
export function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS
}

/** Whether the side that listens on `port` still holds the connection that came from `clientPort`. */
export function isConnected(port: number, clientPort: number): boolean {
  const [own, other] = [port, clientPort].map((each) => each.toString(16).toUpperCase().padStart(4, '0'))
  const pattern = new RegExp(`^ *\\d+: [0-9A-F]+:${own} [0-9A-F]+:${other} ${ESTABLISHED} `, 'm')
  return ['tcp', 'tcp6'].some((table) => pattern.test(readFileSync(`/proc/net/${table}`, 'utf8')))
}
