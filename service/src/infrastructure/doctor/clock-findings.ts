import { sql } from 'kysely'
import type { Clock } from '../../application/ports/clock.ts'
import type { Finding } from '../../interface-adapters/http/doctor-routes.ts'
import type { Database } from '../postgres/database.ts'
import { failed, ok, readable, warning } from './finding.ts'

/** Windows, limits and expiries of all instances are compared by it. */
const SERVICE_TOLERANCE_MS = 1_000
/** Only logs and TLS go by it. */
const MACHINE_TOLERANCE_MS = 10_000

const apart = (offsetMs: number): string =>
  `${readable(Math.abs(offsetMs))} ${offsetMs < 0 ? 'behind' : 'ahead of'}`

/** How far the clock this instance goes by, and its machine's, are from the database's. */
export async function clockFindings(
  db: Database,
  clock: Clock,
  machineNow = Date.now,
): Promise<readonly Finding[]> {
  const sent = { own: +clock.now(), machine: machineNow() }
  const { rows } = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(db)
  const received = { own: +clock.now(), machine: machineNow() }
  const theirs = +(rows[0]?.now ?? NaN)
  // The database looked at its clock at some moment in between.
  const doubt = (received.own - sent.own) / 2
  const offset = (sent.own + received.own) / 2 - theirs
  const machineOffset = (sent.machine + received.machine) / 2 - theirs
  const within = doubt < 1 ? '' : ` (± ${readable(doubt)})`
  const detail = `${apart(offset)} that of the database${within}`
  return [
    Math.abs(offset) - doubt <= SERVICE_TOLERANCE_MS
      ? ok('clock', detail)
      : failed('clock', detail, 'Look for task.failed with clock in the log; it is compared each minute.'),
    ...(Math.abs(machineOffset) - doubt <= MACHINE_TOLERANCE_MS
      ? []
      : [
          warning(
            'clock',
            `the clock of this machine is ${apart(machineOffset)} that of the database`,
            'Run NTP on both; the service goes by the database, logs go by the machine.',
          ),
        ]),
  ]
}
