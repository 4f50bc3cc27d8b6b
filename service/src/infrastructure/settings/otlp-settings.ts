import type { SettingsReader } from './settings-reader.ts'

/** The collector that traces and metrics are sent to. */
export interface OtlpSettings {
  /** The base address of an OTLP receiver that speaks HTTP, without `/v1/traces` and the like. */
  readonly endpoint: string
  readonly headers: Readonly<Record<string, string>>
  readonly serviceName: string
  /** From 0 to 1: the share of the traces that begin here. A caller's `traceparent` decides for its own trace. */
  readonly sampledShare: number
}

/** Reads the variables of OpenTelemetry that the service supports. Undefined if no collector is set: nothing is sent. */
export function readOtlp(settings: SettingsReader): OtlpSettings | undefined {
  const endpoint = settings.url('OTEL_EXPORTER_OTLP_ENDPOINT', ['http:', 'https:'])
  const otlp = {
    headers: readHeaders(settings),
    serviceName: settings.text('OTEL_SERVICE_NAME') ?? 'chat-auth',
    sampledShare: readShare(settings),
  }
  return endpoint === undefined ? undefined : { endpoint, ...otlp }
}

/** Pairs of name=value, separated by commas, with percent-encoded values. They may be secrets and are not shown. */
function readHeaders(settings: SettingsReader): Record<string, string> {
  const entries = (settings.text('OTEL_EXPORTER_OTLP_HEADERS') ?? '').split(',').filter((text) => text.trim())
  const headers = entries.map((entry) => parseHeader(entry))
  if (headers.some((header) => header === undefined)) {
    settings.refuse('OTEL_EXPORTER_OTLP_HEADERS', 'must hold name=value, separated by commas')
  }
  return Object.fromEntries(headers.filter((header) => header !== undefined))
}

function parseHeader(entry: string): readonly [string, string] | undefined {
  const [, name, value] = /^\s*([\w!#$%&'*+.^`|~-]+)\s*=\s*(.*?)\s*$/.exec(entry) ?? []
  if (name === undefined || value === undefined) return undefined
  try {
    return [name, decodeURIComponent(value)]
  } catch {
    return undefined
  }
}

function readShare(settings: SettingsReader): number {
  const text = settings.text('OTEL_TRACES_SAMPLER_ARG') ?? '1'
  const share = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN
  if (share >= 0 && share <= 1) return share
  settings.refuse('OTEL_TRACES_SAMPLER_ARG', `must be a number from 0 to 1, not "${text}"`)
  return 1
}
