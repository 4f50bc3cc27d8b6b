import { createInterface } from 'node:readline'
import { endSessionsOfAllUsers } from '../application/sessions/end-sessions-of-all-users.ts'
import type { EndOwnSessionsDeps } from '../application/sessions/end-own-sessions.ts'
import { repeatChanges, type KnownChange } from '../application/sessions/repeat-changes.ts'
import { SYSTEM } from '../domain/actor.ts'
import type { SessionKey } from '../application/ports/sessions.ts'
import { DatabaseClock } from '../infrastructure/postgres/database-clock.ts'
import { migrate } from '../infrastructure/postgres/migrate.ts'
import { PostgresRevocationLog } from '../infrastructure/postgres/postgres-revocation-log.ts'
import { PostgresTransactions } from '../infrastructure/postgres/postgres-transactions.ts'
import { countServingInstances, prepareRestored } from '../infrastructure/postgres/prepare-restored.ts'
import { refuseUnsuitable } from '../infrastructure/postgres/refuse-unsuitable.ts'
import type { Config } from '../infrastructure/settings/config.ts'
import { openForMaintenance } from '../infrastructure/storage/open-for-maintenance.ts'
import { CommandFailure } from '../interface-adapters/cli/exit-codes.ts'
import { readKnownChange } from '../interface-adapters/cli/read-known-change.ts'
import type { RestoreOptions, RestoreReport } from '../interface-adapters/cli/restore-command.ts'

const SESSIONS_PER_BATCH = 500

interface Surroundings {
  /** Log lines or events since the backup, one per line. Undefined if there are none. */
  readonly lines: NodeJS.ReadableStream | undefined
  readonly progress: (text: string) => void
}

/** Makes a restored backup ready to serve. After a crash, run it again with the same input. */
export async function runRestore(
  config: Config,
  { sessions }: RestoreOptions,
  { lines, progress }: Surroundings,
): Promise<RestoreReport> {
  await using opened = new AsyncDisposableStack()
  const { db } = opened.adopt(await openForMaintenance(config), (database) => database.close())
  await refuseUnsuitable(db)
  const serving = await countServingInstances(db)
  if (serving > 0)
    throw new CommandFailure(
      `${serving} instances serve on this database. Stop all of them, then run this again.`,
    )
  await migrate(db)
  const clock = new DatabaseClock(db)
  await clock.synchronise()
  const { accessTokenTtlSeconds } = config
  const deps = { transactions: new PostgresTransactions(db), clock, accessTokenTtlSeconds }
  await prepareRestored(db, sessions, clock.now())
  const repeated = await repeatChanges(deps)(changesIn(lines), (count) =>
    progress(`${count} sessions ended again\n`),
  )
  const endedByCommand = sessions === 'end' ? await endAll(deps, progress) : 0
  progress('Numbering the revocations …\n')
  const revocationLog = new PostgresRevocationLog(db)
  let isMore
  do isMore = await revocationLog.number()
  while (isMore)
  return { ...repeated, endedByCommand }
}

async function* changesIn(lines: Surroundings['lines']): AsyncIterable<KnownChange> {
  if (lines === undefined) return
  for await (const line of createInterface({ input: lines })) {
    const change = readKnownChange(line)
    if (change !== undefined) yield change
  }
}

async function endAll(deps: EndOwnSessionsDeps, progress: (text: string) => void): Promise<number> {
  let [count, after]: [number, SessionKey | undefined] = [0, undefined]
  do {
    const batch = { after, begunAt: undefined, limit: SESSIONS_PER_BATCH }
    const { ended, next } = await endSessionsOfAllUsers(deps)(SYSTEM, batch)
    count += ended
    after = next
    progress(`${count} sessions of all users ended\n`)
  } while (after !== undefined)
  return count
}
