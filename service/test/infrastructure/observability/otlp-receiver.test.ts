import { expect, test } from 'vitest'
import { createLogger } from '../../../src/infrastructure/logger.ts'
import { createMetrics } from '../../../src/infrastructure/observability/metrics.ts'
import { openOtlp, tellChanges } from '../../../src/infrastructure/observability/otlp.ts'
import { StandIn } from '../../support/stand-in.ts'

const createLog = () => {
  const lines: Record<string, unknown>[] = []
  const logger = createLogger('info', {
    write: (line) => lines.push(JSON.parse(line) as Record<string, unknown>),
  })
  return { logger, events: () => lines.map(({ event }) => event) }
}

test('a receiver is told to by its address, however that ends, and with the headers of the settings', async () => {
  const receiver = await StandIn.start()
  const { logger, events } = createLog()
  const settings = { headers: { 'x-scope': 'tests' }, serviceName: 'auth', sampledShare: 1 }
  const otlp = openOtlp({ ...settings, endpoint: `${receiver.url}/otlp/` }, '1.2.3', logger)
  const metrics = createMetrics(otlp.readers, otlp.resource)
  metrics.meter.createCounter('calls').add(1)
  await otlp.stop(() => metrics.stop())
  const calls = receiver.received.map(({ path, headers }) => [path, headers['x-scope']])
  expect(calls).toEqual([['/otlp/v1/metrics', 'tests']])
  expect(receiver.received[0]?.body).toContain('1.2.3')
  expect(events()).toEqual([])
  await receiver.down()
})

test('what a reader is given does not hold what can be measured no more', async () => {
  const receiver = await StandIn.start()
  const { logger } = createLog()
  const settings = { headers: {}, serviceName: 'auth', sampledShare: 1 }
  const otlp = openOtlp({ ...settings, endpoint: receiver.url }, '1.2.3', logger)
  const metrics = createMetrics(otlp.readers, otlp.resource)
  const gone = metrics.meter.createObservableGauge('goes')
  gone.addCallback((result) => {
    if (receiver.received.length === 0) result.observe(1)
  })
  metrics.meter.createObservableGauge('stays').addCallback((result) => result.observe(2))
  const [reader] = otlp.readers
  await reader?.forceFlush()
  await otlp.stop(() => metrics.stop())
  expect(receiver.received.map(({ body }) => body.match(/goes|stays/g))).toEqual([
    ['goes', 'stays'],
    ['stays'],
  ])
  await receiver.down()
})

test('a receiver that goes away is one line, and that it is back another', () => {
  const { logger, events } = createLog()
  const tell = tellChanges(logger)
  const outcomes = [
    undefined,
    new Error('away'),
    new Error('still away'),
    undefined,
    undefined,
    new Error('again'),
  ]
  for (const outcome of outcomes) tell(outcome)
  expect(events()).toEqual(['telemetry.lost', 'telemetry.resumed', 'telemetry.lost'])
})
