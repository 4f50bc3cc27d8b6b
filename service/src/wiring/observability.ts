import type { FastifyPluginCallback } from 'fastify'
import type { Meter } from '@opentelemetry/api'
import type { Logger } from 'pino'
import type { Clock } from '../application/ports/clock.ts'
import type { UseCases } from '../application/use-cases.ts'
import { measureRefreshBatches } from '../infrastructure/observability/batch-metrics.ts'
import { observeCleanUp } from '../infrastructure/observability/clean-up-metrics.ts'
import { observeDatabase, observePool } from '../infrastructure/observability/database-metrics.ts'
import { logDelivery } from '../infrastructure/observability/delivery-log.ts'
import { logEvents } from '../infrastructure/observability/event-log.ts'
import { countEvents } from '../infrastructure/observability/event-metrics.ts'
import { FeedMetrics, type ObservedStream } from '../infrastructure/observability/feed-metrics.ts'
import { observeHasher, timeHashing, timeScoring } from '../infrastructure/observability/hashing-metrics.ts'
import { createMetrics } from '../infrastructure/observability/metrics.ts'
import { ObservedTransactions } from '../infrastructure/observability/observed-transactions.ts'
import { OutcomeMetrics } from '../infrastructure/observability/outcome-metrics.ts'
import { DeliveryFailures, observeOutbox } from '../infrastructure/observability/outbox-metrics.ts'
import { observeProcess } from '../infrastructure/observability/process-metrics.ts'
import { ReceiptMetrics } from '../infrastructure/observability/receipt-metrics.ts'
import { observeRefusals } from '../infrastructure/observability/refusal-metrics.ts'
import { observeRefusedKeys } from '../infrastructure/observability/refused-key-log.ts'
import { observeRequests } from '../infrastructure/observability/request-metrics.ts'
import { observeSigningKeys } from '../infrastructure/observability/signing-key-metrics.ts'
import { observeUntrustedProxies } from '../infrastructure/observability/untrusted-proxies.ts'
import { trustProxies } from '../infrastructure/http/trust-proxies.ts'
import { version } from '../infrastructure/process/version.ts'
import type { Config } from '../infrastructure/settings/config.ts'
import type { MeasurementHooks } from './measurement-hooks.ts'
import type { Ports } from './ports.ts'

export type Observability = Awaited<ReturnType<typeof openObservability>>

/** Measures an instance, and traces it if the settings name a collector. Observed ports do not know about it. */
export async function openObservability({ otlp: settings, trustedProxies }: Config, logger: Logger) {
  const otlp = settings && (await loadOtlp()).openOtlp(settings, version, logger)
  const metrics = createMetrics(otlp?.readers, otlp?.resource)
  const { meter } = metrics
  const tracing = otlp?.tracing
  const isTrusted = trustProxies(trustedProxies)
  const believesTraces = { public: isTrusted, internal: () => true }
  const untrustedProxies = observeUntrustedProxies(meter, isTrusted)
  const outcomes = new OutcomeMetrics(meter)
  const feedMetrics = new FeedMetrics(meter)
  const receiptMetrics = new ReceiptMetrics(meter)
  const deliveryFailures = new DeliveryFailures(meter)
  const committed = [logEvents(logger), countEvents(meter), feedMetrics.committed]
  const countRequests = observeRequests(meter)
  const stopProcessMetrics = observeProcess(meter, version)
  const hooks: MeasurementHooks = {
    statement: tracing?.statement,
    refreshBatch: measureRefreshBatches(meter),
    ...timePasswords(meter),
    delivery: (report) => {
      logDelivery(logger)(report)
      deliveryFailures.count(report)
    },
  }
  return {
    hooks,
    /** Decorates the ports with metrics and the log of events. */
    observe: (ports: Ports): Ports => {
      observePorts(meter, ports)
      deliveryFailures.expect(ports.consumers)
      return {
        ...ports,
        receipts: receiptMetrics.observeBuffer(ports.receipts),
        passwords: observeHasher(meter, ports.passwords),
        feed: feedMetrics.observeFeed(ports.feed),
        transactions: new ObservedTransactions(ports.transactions, committed),
      }
    },
    observeUseCases: (useCases: UseCases): UseCases => {
      const counted = outcomes.observeUseCases(receiptMetrics.observeUseCases(useCases))
      return tracing?.observeUseCases(counted) ?? counted
    },
    observeStream: <Stream extends ObservedStream>(stream: Stream): Stream => {
      feedMetrics.observeStream(stream)
      return stream
    },
    /** Plugins for the HTTP listener. */
    requestHooks: (listener: 'public' | 'internal'): FastifyPluginCallback[] => [
      ...(tracing === undefined ? [] : [tracing.requests(believesTraces[listener])]),
      countRequests(listener),
      ...(listener === 'public' ? [untrustedProxies.plugin] : []),
    ],
    untrustedProxies: untrustedProxies.peers,
    refusedKeys: (clock: Clock) => observeRefusedKeys(meter, clock),
    /** The body of `GET /metrics`. */
    metricsText: () => metrics.text(),
    feedStalenessSeconds: () => feedMetrics.stalenessSeconds(),
    /** Sends what is left to the collector. */
    stop: async (): Promise<void> => {
      stopProcessMetrics()
      await (otlp === undefined ? metrics.stop() : otlp.stop(() => metrics.stop()))
    },
  }
}

const timePasswords = (meter: Meter) => ({ hashing: timeHashing(meter), scoring: timeScoring(meter) })

/** Measures the state of ports when metrics are read. */
function observePorts(meter: Meter, ports: Ports): void {
  const { storage, clock, consumers } = ports
  observePool(meter, () => storage.poolUse())
  observeDatabase(meter, storage.outboxDb, clock)
  observeRefusals(meter, ports.refusals)
  observeCleanUp(meter, storage.outboxDb, ports)
  observeSigningKeys(meter, ports.signingKeys.listForMetrics, clock)
  observeOutbox(meter, { db: storage.outboxDb, clock, consumers })
}

/** Loaded only if it is used: a start without a collector does not pay for it. */
const loadOtlp = () => import('../infrastructure/observability/otlp.ts')
