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
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics'

/** How often values for Prometheus are discarded if there is another reader. */
const DISCARD_INTERVAL_MS = 60_000

/** The instruments of an instance and their readers. */
export interface Metrics {
  readonly meter: Meter
  /** All metrics now, in the Prometheus text format 0.0.4. A gauge that cannot be measured is left out. */
  text(): Promise<string>
  /** Lets the other readers collect one last time. */
  stop(): Promise<void>
}

/** Gauges are deltas: otherwise a gauge that can no longer be measured would keep its last value forever. */
export const temporality = (type: InstrumentType): AggregationTemporality =>
  type === InstrumentType.OBSERVABLE_GAUGE ? AggregationTemporality.DELTA : AggregationTemporality.CUMULATIVE

/** Collects on demand. The exporter's own reader brings an HTTP server, and keeps values that no longer exist. */
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

/** Standard metrics have their unit beside the name. Prometheus' convention is to have it in the name. */
const withPrometheusNames = (metrics: ResourceMetrics): ResourceMetrics => ({
  ...metrics,
  scopeMetrics: metrics.scopeMetrics.map((scope) => ({
    ...scope,
    metrics: scope.metrics.map((metric) => {
      const { name, unit } = metric.descriptor
      if (unit !== 's') return metric
      return { ...metric, descriptor: { ...metric.descriptor, name: `${name}.seconds`, unit: '' } }
    }),
  })),
})

/** `readers` are those besides Prometheus; `resource` describes the instance to them. */
export function createMetrics(readers: readonly IMetricReader[] = [], resource?: Resource): Metrics {
  const prometheus = new ScrapeReader()
  const provider = new MeterProvider({
    readers: [prometheus, ...readers],
    ...(resource !== undefined && { resource }),
  })
  // Without the library's name on every line and without a metric of the library itself.
  const serializer = new PrometheusSerializer(undefined, false, undefined, true, true)
  // Scrapes at the same time share one collection: otherwise one of them would miss values that the other has consumed.
  let collecting: Promise<CollectionResult> | undefined
  const collect = (): Promise<CollectionResult> =>
    (collecting ??= prometheus.collect().finally(() => (collecting = undefined)))
  // The library keeps values for each reader until that reader collects. Prometheus may never scrape.
  const discarding = readers.length === 0 ? undefined : setInterval(() => void collect(), DISCARD_INTERVAL_MS)
  discarding?.unref()
  return {
    meter: provider.getMeter('chat-auth'),
    text: async () => serializer.serialize(withPrometheusNames((await collect()).resourceMetrics)),
    stop: () => {
      clearInterval(discarding)
      return provider.shutdown()
    },
  }
}
