import { createInterface } from 'node:readline'
import { endSessionsOfAllUsers } from '../application/sessions/end-sessions-of-all-users.ts'
import type { EndOwnSessionsDeps } from '../application/sessions/end-own-sessions.ts'
import { foreseeChanges, repeatChanges, type KnownChange } from '../application/sessions/repeat-changes.ts'
import { SYSTEM } from '../domain/actor.ts'
import type { SessionKey } from '../application/ports/sessions.ts'
import type { Database } from '../infrastructure/postgres/database.ts'
import { DatabaseClock } from '../infrastructure/postgres/database-clock.ts'
import { migrate, schemaAge } from '../infrastructure/postgres/migrate.ts'
import { PostgresRevocationLog } from '../infrastructure/postgres/postgres-revocation-log.ts'
import { PostgresSessions } from '../infrastructure/postgres/postgres-sessions.ts'
import { PostgresTransactions } from '../infrastructure/postgres/postgres-transactions.ts'
import { countServingInstances, prepareRestored } from '../infrastructure/postgres/prepare-restored.ts'
import { refuseUnsuitable } from '../infrastructure/postgres/refuse-unsuitable.ts'
import type { Config } from '../infrastructure/settings/config.ts'
import { locationOf, openForMaintenance } from '../infrastructure/storage/open-for-maintenance.ts'
import { requireConfirmation, type CommandContext } from '../interface-adapters/cli/command.ts'
import { CommandFailure } from '../interface-adapters/cli/exit-codes.ts'
import { readKnownChange } from '../interface-adapters/cli/read-known-change.ts'
import {
  restoreQuestion,
  type RestoreOptions,
  type RestoreReport,
} from '../interface-adapters/cli/restore-command.ts'

const SESSIONS_PER_BATCH = 500

interface Surroundings extends Pick<CommandContext, 'confirm' | 'progress'> {
  /** Log lines or events since the backup, one per line. Undefined if there are none. */
  readonly lines: NodeJS.ReadableStream | undefined
}

/** Makes a restored backup ready to serve. After a crash, run it again with the same input. */
export async function runRestore(
  config: Config,
  options: RestoreOptions,
  surroundings: Surroundings,
): Promise<RestoreReport> {
  const { location, isMissing } = locationOf(config)
  if (isMissing) throw noTables(location)
  await using opened = new AsyncDisposableStack()
  const { db } = opened.adopt(await openForMaintenance(config), (database) => database.close())
  await refuseUnsuitable(db)
  await refuseInUse(db)
  const age = await schemaAge(db)
  if (age === 'none') throw noTables(location)
  if (options.dryRun && age === 'earlier') throw new CommandFailure(OLDER_TABLES)
  const clock = new DatabaseClock(db)
  await clock.synchronise()
  const place = { db, clock, location, accessTokenTtlSeconds: config.accessTokenTtlSeconds }
  // Awaited here: the database closes when this function ends.
  return options.dryRun
    ? await foresee(place, options, surroundings)
    : await restore(place, options, surroundings)
}

interface Place {
  readonly db: Database
  readonly clock: DatabaseClock
  readonly location: string
  readonly accessTokenTtlSeconds: number
}

async function foresee(
  { db, clock, location }: Place,
  { sessions }: RestoreOptions,
  { lines }: Surroundings,
): Promise<RestoreReport> {
  const transactions = new PostgresTransactions(db)
  const { liveThatWouldEnd, ...repeated } = await foreseeChanges({ transactions, clock })(changesIn(lines))
  const endedByCommand = sessions === 'end' ? (await countLive(db, clock)) - liveThatWouldEnd : 0
  return { ...repeated, location, endedByCommand }
}

async function restore(
  { db, clock, location, accessTokenTtlSeconds }: Place,
  { sessions, yes }: RestoreOptions,
  { lines, confirm, progress }: Surroundings,
): Promise<RestoreReport> {
  await requireConfirmation({ confirm }, yes === true, async () =>
    restoreQuestion(location, sessions === 'end' ? await countLive(db, clock) : undefined),
  )
  await migrate(db)
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
  return { ...repeated, location, endedByCommand }
}

const countLive = (db: Database, clock: DatabaseClock): Promise<number> =>
  new PostgresSessions(db).countAllLive(clock.now())

async function refuseInUse(db: Database): Promise<void> {
  const serving = await countServingInstances(db)
  if (serving > 0)
    throw new CommandFailure(
      `${serving} instances serve on this database. Stop all of them, then run this again.`,
    )
}

const noTables = (location: string): CommandFailure =>
  new CommandFailure(
    `There are no tables of chat-auth in ${location}. Restore the backup into it first, or correct DATABASE_URL or DATA_DIR.`,
  )

const OLDER_TABLES =
  'The backup is of an older version, so a dry run cannot read it. Run this without --dry-run, which brings it to this version.'

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
