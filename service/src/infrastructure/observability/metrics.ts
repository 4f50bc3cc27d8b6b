import type { Meter } from '@opentelemetry/api'
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus'
import type { Resource } from '@opentelemetry/resources'
import {
  AggregationTemporality,
  InstrumentType,
  MeterProvider,
  MetricReader,
  type CollectionResult,
  type IMetricReader,
} from '@opentelemetry/sdk-metrics'

const UNREAD_LIMIT_MS = 60_000

/** All instruments of an instance, and what reads them. */
export interface Metrics {
  readonly meter: Meter
  /** All of them now, in Prometheus' text format 0.0.4. One that cannot be measured is left out. */
  text(): Promise<string>
  /** Gives the other readers a last look. */
  stop(): Promise<void>
}

/** For readers: otherwise a gauge that cannot be measured any more would be given with its last value for ever. */
export const temporality = (type: InstrumentType): AggregationTemporality =>
  type === InstrumentType.OBSERVABLE_GAUGE ? AggregationTemporality.DELTA : AggregationTemporality.CUMULATIVE

/** Reads when it is asked. The exporter's own reader has a server, and keeps what is gone. */
class ScrapeReader extends MetricReader {
  constructor() {
    super({ aggregationTemporalitySelector: temporality })
  }

  protected onForceFlush(): Promise<void> {
    return Promise.resolve()
  }

  protected onShutdown(): Promise<void> {
    return Promise.resolve()
  }
}

/** `readers` besides Prometheus, with what they say about the instance. */
export function createMetrics(readers: readonly IMetricReader[] = [], resource?: Resource): Metrics {
  const scrapes = new ScrapeReader()
  const provider = new MeterProvider({
    readers: [scrapes, ...readers],
    ...(resource !== undefined && { resource }),
  })
  // Neither the library's name on every line nor a metric of its own.
  const serializer = new PrometheusSerializer(undefined, false, undefined, true, true)
  // Shared by those who ask meanwhile: of two at once the first would be given what the second had just had measured.
  let collecting: Promise<CollectionResult> | undefined
  const collect = (): Promise<CollectionResult> =>
    (collecting ??= scrapes.collect().finally(() => (collecting = undefined)))
  // What one reader is given is kept for the others until they ask, and nobody may ever scrape.
  const unread = readers.length === 0 ? undefined : setInterval(() => void collect(), UNREAD_LIMIT_MS)
  unread?.unref()
  return {
    meter: provider.getMeter('chat-auth'),
    text: async () => serializer.serialize((await collect()).resourceMetrics),
    stop: () => {
      clearInterval(unread)
      return provider.shutdown()
    },
  }
}
