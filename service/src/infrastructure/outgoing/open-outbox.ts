import type { Logger } from 'pino'
import { createOutbox } from '../../application/outbox/outbox.ts'
import type { Clock } from '../../application/ports/clock.ts'
import type { Config } from '../config.ts'
import type { TokenKeys } from '../crypto/key-ring.ts'
import type { Observability } from '../observability/observability.ts'
import { PostgresDeliveries } from '../postgres/postgres-deliveries.ts'
import { PostgresUsers } from '../postgres/postgres-users.ts'
import type { Storage } from '../storage.ts'
import { createConsumers } from './consumers.ts'
import { logDeliveries } from './log-deliveries.ts'

interface OutboxDeps {
  readonly config: Config
  readonly storage: Storage
  readonly clock: Clock
  readonly tokenKeys: TokenKeys
  readonly logger: Logger
  readonly observability: Observability
}

/** Everybody who is told of events, and what has been told to whom. */
export function openOutbox({ config, storage, clock, tokenKeys, logger, observability }: OutboxDeps) {
  const { db, outboxDb } = storage
  const deliveries = new PostgresDeliveries(outboxDb)
  const consumers = createConsumers(config, { users: new PostgresUsers(db), tokenKeys })
  const log = logDeliveries(logger)
  const count = observability.observeOutbox({ db: outboxDb, clock, consumers })
  const outbox = createOutbox({
    ...{ deliveries, consumers, clock },
    tell: (news) => {
      log(news)
      count(news)
    },
    chance: Math.random,
  })
  return { outbox, deliveries }
}
