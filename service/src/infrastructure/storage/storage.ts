import type pg from 'pg'
import type { ServiceKey } from '../../domain/service-key.ts'
import type { Database } from '../postgres/database.ts'
import type { Pooling } from '../postgres/examine-pooler.ts'

export interface Storage {
  readonly db: Database
  /** Only for the revocation feed: requests that wait for connections must not make it late. */
  readonly feedDb: Database
  /** Only for deliveries: catching up with a consumer that was down must not use the connections of requests. */
  readonly outboxDb: Database
  /** Where the data is, for logs and messages. */
  readonly location: string
  /** The data folder of the embedded database; undefined on a server. */
  readonly folder: string | undefined
  /** The pooler between `db` and the database. */
  readonly pooling: Pooling
  /** The connections of `db` now. */
  poolUse(): PoolUse
  readonly authSecret: string
  readonly serviceKeys: readonly ServiceKey[]
  /** The files of the service keys that were made because none was configured. */
  readonly keyFiles: KeyFiles | undefined
  /** Calls `wake` when another instance has added to the revocation log. An embedded database has no other instance. */
  onRevocations(wake: () => void): Promise<WakeUp>
  close(): Promise<void>
}

export interface KeyFiles {
  /** For operators and the command line: every scope. */
  readonly operator: string
  /** For services that verify tokens. */
  readonly verifier: string
}

export interface PoolUse {
  readonly isEmbedded: boolean
  readonly size: number
  readonly open: number
  readonly idle: number
  /** How many callers wait for a connection. */
  readonly waiting: number
}

export interface WakeUp {
  /** Whether notifications arrive now; undefined if there cannot be another instance. */
  isListening(): Promise<boolean | undefined>
  stop(): Promise<void>
}

/** The part of `PoolUse` that the pool itself knows. */
export const countsOf = ({ totalCount, idleCount, waitingCount }: pg.Pool) => ({
  open: totalCount,
  idle: idleCount,
  waiting: waitingCount,
})
