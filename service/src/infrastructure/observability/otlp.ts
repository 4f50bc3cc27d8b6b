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
import type { OtlpSettings } from '../settings/otlp-settings.ts'
import { temporality } from './metrics.ts'
import { Tracing } from './tracing.ts'

const EXPORT_LIMIT_MS = 5_000
/** A collector that is down must not delay the exit. */
const STOP_LIMIT_MS = 2_000

export type Otlp = ReturnType<typeof openOtlp>

/** Sends traces and metrics to a collector by OTLP over HTTP, in JSON. */
export function openOtlp(settings: OtlpSettings, version: string, logger: Logger) {
  const { port } = new URL(settings.endpoint)
  if (port === GRPC_PORT) logger.warn({ event: 'settings.warning', msg: GRPC_WARNING })
  const resource = resourceFromAttributes({
    'service.name': settings.serviceName,
    'service.version': version,
    'service.instance.id': randomUUID(),
  })
  const report = logChanges(logger)
  const to = (path: string) => ({
    url: `${settings.endpoint.replace(/\/+$/, '')}/v1/${path}`,
    headers: { ...settings.headers },
    timeoutMillis: EXPORT_LIMIT_MS,
  })
  const spans = new TracerProvider({
    resource,
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(settings.sampledShare) }),
    spanProcessors: [
      new BatchSpanProcessor({ exporter: reporting(new OTLPTraceExporter(to('traces')), report) }),
    ],
  })
  const metricExporter = reporting(new OTLPMetricExporter(to('metrics')), report)
  metricExporter.selectAggregationTemporality = temporality
  const reader = new PeriodicExportingMetricReader({ exporter: metricExporter })
  return {
    resource,
    readers: [reader],
    tracing: new Tracing(spans.getTracer('chat-auth', version)),
    /** Sends what is left, for at most two seconds. */
    stop: async (stopMetrics: () => Promise<void>): Promise<void> => {
      const flushed = Promise.allSettled([spans.shutdown(), stopMetrics()])
      await Promise.race([flushed, delay(STOP_LIMIT_MS, undefined, { ref: false })])
    },
  }
}

interface Exporter<T> {
  export(items: T, done: (result: ExportResult) => void): void
}

/** The exporter, with the result of every export passed to `report`. */
function reporting<T, E extends Exporter<T>>(exporter: E & Exporter<T>, report: (error?: Error) => void): E {
  const send = exporter.export.bind(exporter)
  exporter.export = (items, done) =>
    send(items, (result) => {
      const isSent = result.code === ExportResultCode.SUCCESS
      report(isSent ? undefined : (result.error ?? new Error('the collector refused it')))
      done(result)
    })
  return exporter
}

/** Logs one line when the collector becomes unreachable and one when it is back, and nothing in between. */
export function logChanges(logger: Logger): (error?: Error) => void {
  let isDown = false
  return (error) => {
    if ((error !== undefined) === isDown) return
    isDown = error !== undefined
    if (error === undefined) logger.info({ event: 'telemetry.resumed' })
    else logger.warn({ event: 'telemetry.lost', reason: explained(error) })
  }
}

/** The port of OTLP over gRPC. A collector may have another receiver there, so it is not refused. */
const GRPC_PORT = '4317'
const GRPC_WARNING =
  'OTEL_EXPORTER_OTLP_ENDPOINT has port 4317, which usually speaks gRPC. Send to port 4318, and give the collector a receiver for HTTP there.'

/** A receiver with HTTP/2 only, or with TLS, sends bytes that no HTTP/1.1 parser can read. */
const explained = ({ message }: Error): string =>
  message.startsWith('Parse Error')
    ? 'the receiver speaks gRPC, or TLS, and not plain HTTP/1.1. Send to its port for OTLP over HTTP, usually 4318.'
    : message
