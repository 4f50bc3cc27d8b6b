import type { Clock } from '../../application/ports/clock.ts'
import type { Finding } from '../../interface-adapters/http/internal/finding.ts'
import type { Database } from '../postgres/database.ts'
import { readDatabaseTime } from '../postgres/database-time.ts'
import { failed, ok, readable, warning } from './finding.ts'

/** The clock of the service: all instances compare windows, limits and expiries by it. */
const SERVICE_TOLERANCE_MS = 1_000
/** The clock of the machine: only logs and TLS use it. */
const MACHINE_TOLERANCE_MS = 10_000

const apart = (offsetMs: number): string =>
  `${readable(Math.abs(offsetMs))} ${offsetMs < 0 ? 'behind' : 'ahead of'}`

/** How far the clock of this instance and the clock of its machine are from the clock of the database. */
export async function clockFindings(
  db: Database,
  clock: Clock,
  machineNow = Date.now,
): Promise<readonly Finding[]> {
  const sent = { own: +clock.now(), machine: machineNow() }
  const theirs = await readDatabaseTime(db)
  const received = { own: +clock.now(), machine: machineNow() }
  // The database read its clock at some moment in between.
  const doubt = (received.own - sent.own) / 2
  const offset = (sent.own + received.own) / 2 - theirs
  const machineOffset = (sent.machine + received.machine) / 2 - theirs
  const within = doubt < 1 ? '' : ` (± ${readable(doubt)})`
  const detail = `${apart(offset)} that of the database${within}`
  return [
    Math.abs(offset) - doubt <= SERVICE_TOLERANCE_MS
      ? ok('clock', detail)
      : failed(
          'clock',
          detail,
          'Look for task.failed with clock in the log: the clocks are compared every minute.',
        ),
    ...(Math.abs(machineOffset) - doubt <= MACHINE_TOLERANCE_MS
      ? []
      : [
          warning(
            'clock',
            `the clock of this machine is ${apart(machineOffset)} that of the database`,
            'Run NTP on both machines. The service uses the clock of the database, logs use that of the machine.',
          ),
        ]),
  ]
}
