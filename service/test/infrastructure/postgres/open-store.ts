// The PostgreSQL adapters on each database they run on, connected as in production.
import { sql } from 'kysely'
import type pg from 'pg'
import type { DomainEvent } from '../../../src/domain/event.ts'
import type { Revocation } from '../../../src/domain/revocation.ts'
import { openEmbeddedDatabase } from '../../../src/infrastructure/embedded/embedded-database.ts'
import { connectPool, connectWithoutDeadlines } from '../../../src/infrastructure/postgres/connect.ts'
import { openDatabase, type Database } from '../../../src/infrastructure/postgres/database.ts'
import { migrate } from '../../../src/infrastructure/postgres/migrate.ts'
import { PostgresAttemptLimits } from '../../../src/infrastructure/postgres/postgres-attempt-limits.ts'
import { PostgresAuditLog } from '../../../src/infrastructure/postgres/postgres-audit-log.ts'
import { PostgresDeliveries } from '../../../src/infrastructure/postgres/postgres-deliveries.ts'
import { PostgresFactors } from '../../../src/infrastructure/postgres/postgres-factors.ts'
import { PostgresEmailChanges } from '../../../src/infrastructure/postgres/postgres-email-changes.ts'
import { PostgresInvitations } from '../../../src/infrastructure/postgres/postgres-invitations.ts'
import { PostgresMedia } from '../../../src/infrastructure/postgres/postgres-media.ts'
import { PostgresPasswordResetRequests } from '../../../src/infrastructure/postgres/postgres-password-reset-requests.ts'
import { PostgresSessions } from '../../../src/infrastructure/postgres/postgres-sessions.ts'
import { PostgresSigningKeys } from '../../../src/infrastructure/postgres/postgres-signing-keys.ts'
import { PostgresSpentProofs } from '../../../src/infrastructure/postgres/postgres-spent-proofs.ts'
import { PostgresTickets } from '../../../src/infrastructure/postgres/postgres-tickets.ts'
import { PostgresTransactions } from '../../../src/infrastructure/postgres/postgres-transactions.ts'
import { PostgresUsers } from '../../../src/infrastructure/postgres/postgres-users.ts'
import type { Store } from '../../contracts/store.ts'
import { startPgbouncer, type PgbouncerOptions } from '../../support/pgbouncer.ts'
import { recordEmbeddedDatabase } from '../../support/opened-databases.ts'
import { preparedFolder } from '../../support/prepared-folder.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { createTestDatabase, templateDatabase } from '../../support/test-database.ts'

export interface PostgresStore extends Store {
  readonly db: Database
  readonly pool: pg.Pool
}

type Folder = Awaited<ReturnType<typeof temporaryFolder>>

/** More connections than processors, so that parallel calls do meet in the database. */
const POOL_SIZE = 20

export async function openOnServer(poolSize = POOL_SIZE): Promise<PostgresStore & { readonly url: string }> {
  const template = await templateDatabase('migrated', migrateAt)
  const { url, drop } = await createTestDatabase({ template })
  return { ...closing(storeOver(connectPool(url, poolSize)), drop), url }
}

/** As `openOnServer`, through PgBouncer. */
export async function openThroughPgbouncer(
  pooling: 'session' | 'transaction',
  options: PgbouncerOptions,
): Promise<PostgresStore> {
  const template = await templateDatabase('migrated', migrateAt)
  const { url, drop } = await createTestDatabase({ template })
  const pgbouncer = await startPgbouncer(url, options)
  const store = storeOver(connectPool(pgbouncer.url, POOL_SIZE, { pooling, schema: 'public' }))
  return closing(store, async () => {
    await pgbouncer.stop()
    await drop()
  })
}

const closing = (store: Omit<PostgresStore, 'close'>, drop: () => Promise<void>): PostgresStore => ({
  ...store,
  close: async () => {
    await store.db.destroy()
    await drop()
  },
})

export async function migrateAt(url: string): Promise<void> {
  const db = openDatabase(connectWithoutDeadlines(url))
  try {
    await migrate(db)
  } finally {
    await db.destroy()
  }
}

export const openEmbedded = async (): Promise<PostgresStore> => openEmbeddedIn(await preparedFolder())

export const openEmptyEmbedded = async (): Promise<PostgresStore> => openEmbeddedIn(await temporaryFolder())

async function openEmbeddedIn({ folder, remove }: Folder): Promise<PostgresStore> {
  const embedded = await openEmbeddedDatabase(folder)
  const store = storeOver(embedded.pool)
  const { rows } = await sql<{ server_version: string }>`show server_version`.execute(store.db)
  recordEmbeddedDatabase(rows[0]?.server_version)
  return {
    ...store,
    close: async () => {
      await embedded.close()
      await remove()
    },
  }
}

export async function openEmptyOnServer(): Promise<PostgresStore> {
  const { url, drop } = await createTestDatabase()
  return closing(storeOver(connectPool(url, POOL_SIZE)), drop)
}

export function storeOver(pool: pg.Pool): Omit<PostgresStore, 'close'> {
  const db = openDatabase(pool)
  return {
    db,
    pool,
    users: new PostgresUsers(db),
    sessions: new PostgresSessions(db),
    transactions: new PostgresTransactions(db),
    attempts: new PostgresAttemptLimits(db),
    signingKeys: new PostgresSigningKeys(db),
    tickets: new PostgresTickets(db),
    spentProofs: new PostgresSpentProofs(db),
    media: new PostgresMedia(db),
    deliveries: new PostgresDeliveries(db),
    auditLog: new PostgresAuditLog(db),
    invitations: new PostgresInvitations(db),
    factors: new PostgresFactors(db),
    emailChanges: new PostgresEmailChanges(db),
    passwordResetRequests: new PostgresPasswordResetRequests(db),
    revocations: () => revocationsIn(db),
    events: () => eventsIn(db),
    clear: () => clear(pool),
  }
}

async function revocationsIn(db: Database): Promise<Revocation[]> {
  const rows = await db.selectFrom('revocations').selectAll().orderBy('id').execute()
  return rows.map(({ session_id, user_id, reason, up_to_generation, expires_at }) => ({
    sessionId: session_id as Revocation['sessionId'],
    userId: user_id as Revocation['userId'],
    reason: reason as Revocation['reason'],
    upToGeneration: up_to_generation ?? undefined,
    expiresAt: expires_at,
  }))
}

async function eventsIn(db: Database): Promise<DomainEvent[]> {
  const rows = await db.selectFrom('outbox').selectAll().orderBy('id').execute()
  return rows.map(
    ({ type, user_id, occurred_at, data }) =>
      ({ type, userId: user_id, occurredAt: occurred_at, data }) as unknown as DomainEvent,
  )
}

/** All in one message to the database, since this is done before every test. */
async function clear(pool: pg.Pool): Promise<void> {
  const tables = [
    'sessions',
    'shared_username_looks',
    'username_looks',
    'username_endings',
    'released_names',
    'avatars',
    'users',
    'revocations',
    'tickets',
    'deliveries',
    'delivery_queues',
    'outbox',
    'audit_log',
    'attempts',
    'spent_proofs',
    'totp_secrets',
    'recovery_codes',
    'invitations',
    'email_changes',
    'password_reset_requests',
    'signing_keys',
  ]
  await pool.query(tables.map((table) => `delete from ${table}`).join(';'))
}
