import { describe, expect, test } from 'vitest'
import { readConfig } from '../../../src/infrastructure/settings/config.ts'

const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }
const read = (settings: Record<string, string>) => readConfig(settings).otlp

describe('the settings for OpenTelemetry', () => {
  test('without a receiver nothing is sent, whatever else is set', () => {
    expect(read({})).toBeUndefined()
    expect(read({ OTEL_SERVICE_NAME: 'auth', OTEL_EXPORTER_OTLP_HEADERS: 'a=b' })).toBeUndefined()
  })

  test('the OpenTelemetry settings have defaults, except the receiver', () => {
    expect(read(endpoint)).toEqual({
      endpoint: 'http://collector:4318',
      headers: {},
      serviceName: 'chat-auth',
      sampledShare: 1,
    })
  })

  test('OTLP headers are read in the format of the specification', () => {
    const headers = 'authorization=Basic%20YTpi%3D , x-scope=one=two'
    expect(read({ ...endpoint, OTEL_EXPORTER_OTLP_HEADERS: headers })?.headers).toEqual({
      authorization: 'Basic YTpi=',
      'x-scope': 'one=two',
    })
  })

  test.each(['hush', 'hush%zz=%zz', '=hush', 'a b=hush'])(
    'the OTLP headers %s are refused and not shown',
    (headers) => {
      const reading = () => read({ ...endpoint, OTEL_EXPORTER_OTLP_HEADERS: headers })
      expect(reading).toThrow('OTEL_EXPORTER_OTLP_HEADERS must hold name=value, separated by commas')
      expect(reading).not.toThrow('hush')
    },
  )

  test.each(['1.5', '-1', 'half', '1e-1'])('a sampled share of %s is refused', (share) => {
    expect(() => read({ ...endpoint, OTEL_TRACES_SAMPLER_ARG: share })).toThrow(
      `OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1, not "${share}"`,
    )
  })

  test('a sampled share between 0 and 1 is accepted', () => {
    expect(read({ ...endpoint, OTEL_TRACES_SAMPLER_ARG: '0.05' })?.sampledShare).toBe(0.05)
  })
})
