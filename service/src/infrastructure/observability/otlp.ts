import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { ExportResultCode, type ExportResult } from '@opentelemetry/core'
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import type { Logger } from 'pino'
import type { OtlpSettings } from '../otlp-settings.ts'
import { temporality } from './metrics.ts'
import { Tracing } from './tracing.ts'

const EXPORT_LIMIT_MS = 5_000
/** A collector that is away must not hold up the exit. */
const STOP_LIMIT_MS = 2_000

export type Otlp = ReturnType<typeof openOtlp>

/** Sends traces and metrics to a collector by OTLP over HTTP, in JSON. */
export function openOtlp(settings: OtlpSettings, version: string, logger: Logger) {
  const resource = resourceFromAttributes({
    'service.name': settings.serviceName,
    'service.version': version,
    'service.instance.id': randomUUID(),
  })
  const tell = tellChanges(logger)
  const to = (path: string) => ({
    url: `${settings.endpoint.replace(/\/+$/, '')}/v1/${path}`,
    headers: { ...settings.headers },
    timeoutMillis: EXPORT_LIMIT_MS,
  })
  const spans = new TracerProvider({
    resource,
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(settings.sampledShare) }),
    spanProcessors: [
      new BatchSpanProcessor({ exporter: telling(new OTLPTraceExporter(to('traces')), tell) }),
    ],
  })
  const metricExporter = telling(new OTLPMetricExporter(to('metrics')), tell)
  metricExporter.selectAggregationTemporality = temporality
  const reader = new PeriodicExportingMetricReader({ exporter: metricExporter })
  return {
    resource,
    readers: [reader],
    tracing: new Tracing(spans.getTracer('chat-auth', version)),
    /** Sends what is left, within two seconds. */
    stop: async (stopMetrics: () => Promise<void>): Promise<void> => {
      const flushed = Promise.allSettled([spans.shutdown(), stopMetrics()])
      await Promise.race([flushed, delay(STOP_LIMIT_MS, undefined, { ref: false })])
    },
  }
}

interface Exporter<T> {
  export(items: T, done: (result: ExportResult) => void): void
}

/** The exporter, with an ear on how it fares. */
function telling<T, E extends Exporter<T>>(exporter: E & Exporter<T>, tell: (error?: Error) => void): E {
  const send = exporter.export.bind(exporter)
  exporter.export = (items, done) =>
    send(items, (result) => {
      tell(result.code === ExportResultCode.SUCCESS ? undefined : (result.error ?? new Error('not taken')))
      done(result)
    })
  return exporter
}

/** One line when the collector goes away and one when it is back, whatever is tried between. */
export function tellChanges(logger: Logger): (error?: Error) => void {
  let isAway = false
  return (error) => {
    if ((error !== undefined) === isAway) return
    isAway = error !== undefined
    if (error === undefined) logger.info({ event: 'telemetry.resumed' })
    else logger.warn({ event: 'telemetry.lost', reason: error.message })
  }
}
