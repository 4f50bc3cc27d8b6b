import type { FastifyPluginCallback } from 'fastify'
import type { Logger } from 'pino'
import type { DeliveryNews } from '../../application/outbox/deliver-events.ts'
import type { Clock } from '../../application/ports/clock.ts'
import type { PasswordHasher } from '../../application/ports/password-hasher.ts'
import type { RevocationFeed } from '../../application/revocations/revocation-feed.ts'
import type { ReceiptBuffer } from '../../application/sessions/receipt-buffer.ts'
import type { UseCases } from '../../application/use-cases.ts'
import type { DomainEvent } from '../../domain/event.ts'
import type { Config } from '../config.ts'
import type { SlotObserver } from '../crypto/bounded-slots.ts'
import type { Keys } from '../keys.ts'
import type { Storage } from '../storage.ts'
import { version } from '../version.ts'
import { observeDatabase, observePool } from './database-metrics.ts'
import { countEvents } from './event-metrics.ts'
import { FeedMetrics, type ObservedStream } from './feed-metrics.ts'
import { observeHashing, timeHashing, type LoadedHasher } from './hashing-metrics.ts'
import { observeKeys } from './key-metrics.ts'
import { measureBatches } from './batch-metrics.ts'
import { createMetrics } from './metrics.ts'
import { OutcomeMetrics } from './outcome-metrics.ts'
import { countDeliveries, observeOutbox, type ObservedOutbox } from './outbox-metrics.ts'
import { observeProcess } from './process-metrics.ts'
import { countReceipts } from './receipt-metrics.ts'
import { observeRequests } from './request-metrics.ts'

interface Instance {
  readonly storage: Storage
  readonly clock: Clock
  readonly keys: Keys
  readonly stream: ObservedStream
}

export type Observability = Awaited<ReturnType<typeof openObservability>>

/** What is measured of an instance, and, where the settings name a collector, traced. What is observed knows nothing of it. */
export async function openObservability({ otlp: settings }: Config, logger: Logger) {
  // Loaded only when it is wanted: a start without it pays nothing.
  const otlp = settings && (await import('./otlp.ts')).openOtlp(settings, version, logger)
  const metrics = createMetrics(otlp?.readers, otlp?.resource)
  const { meter } = metrics
  const tracing = otlp?.tracing
  const outcomes = new OutcomeMetrics(meter)
  const feedMetrics = new FeedMetrics(meter)
  const countEach = countEvents(meter)
  const requests = observeRequests(meter)
  const stopProcess = observeProcess(meter, version)
  return {
    /** What /metrics answers. */
    text: () => metrics.text(),
    observeStatement: tracing?.statement,
    /** To be told how many sessions each statement of refreshes is for. */
    observeBatch: measureBatches(meter),
    observeReceipts: (receipts: ReceiptBuffer): ReceiptBuffer => countReceipts(meter, receipts),
    observeHashing: (create: (observe: SlotObserver) => LoadedHasher): PasswordHasher =>
      observeHashing(meter, create(timeHashing(meter))),
    observeUseCases: (useCases: UseCases): UseCases => {
      const counted = outcomes.observeUseCases(useCases)
      return tracing?.observeUseCases(counted) ?? counted
    },
    /** Before the feed is woken by the same events. */
    observeEvents: (events: readonly DomainEvent[]): void => {
      countEach(events)
      feedMetrics.committed(events)
    },
    observeFeed: (feed: RevocationFeed): RevocationFeed => feedMetrics.observeFeed(feed),
    feedStaleness: () => feedMetrics.stalenessSeconds(),
    /** Answers who is to be told how deliveries fare. */
    observeOutbox: (outbox: ObservedOutbox): ((news: DeliveryNews) => void) => {
      observeOutbox(meter, outbox)
      return countDeliveries(meter, outbox.consumers)
    },
    observeInstance: ({ storage, clock, keys, stream }: Instance): void => {
      observePool(meter, () => storage.poolUse())
      observeDatabase(meter, storage.outboxDb, clock)
      observeKeys(meter, keys.watch, clock)
      feedMetrics.observeStream(stream)
    },
    /** For the listener of that name. */
    observeRequests: (listener: string): FastifyPluginCallback[] => [
      ...(tracing === undefined ? [] : [tracing.requests]),
      requests(listener),
    ],
    /** Sends what is left to the collector. */
    stop: async (): Promise<void> => {
      stopProcess()
      await (otlp === undefined ? metrics.stop() : otlp.stop(() => metrics.stop()))
    },
  }
}
