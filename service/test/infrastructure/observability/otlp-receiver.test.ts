import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { createLogger } from '../../../src/infrastructure/process/logger.ts'
import { createMetrics } from '../../../src/infrastructure/observability/metrics.ts'
import { openOtlp, logChanges } from '../../../src/infrastructure/observability/otlp.ts'
import { StubServer } from '../../support/stub-server.ts'

const createLog = () => {
  const lines: Record<string, unknown>[] = []
  const logger = createLogger('info', {
    write: (line) => lines.push(JSON.parse(line) as Record<string, unknown>),
  })
  return { logger, events: () => lines.map(({ event }) => event), lines }
}

test('data goes to the receiver at its base address, with the configured headers', async () => {
  const receiver = await StubServer.start()
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

test('an export does not contain a gauge that can no longer be measured', async () => {
  const receiver = await StubServer.start()
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

test('a receiver that goes down is logged once, and once when it is back', () => {
  const { logger, events } = createLog()
  const report = logChanges(logger)
  const outcomes = [
    undefined,
    new Error('down'),
    new Error('still down'),
    undefined,
    undefined,
    new Error('again'),
  ]
  for (const outcome of outcomes) report(outcome)
  expect(events()).toEqual(['telemetry.lost', 'telemetry.resumed', 'telemetry.lost'])
})

// The first bytes of a server that speaks HTTP/2 only, and of one with TLS.
test.each([
  ['a gRPC port', [0, 0, 0, 4, 0, 0, 0, 0, 0]],
  ['a port with TLS', [21, 3, 1, 0, 2, 2, 70]],
])('data sent to %s is reported in one line that names the right port', async (_what, bytes) => {
  const server = createServer((socket) => socket.on('error', () => undefined).end(Buffer.from(bytes)))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => void server.close())
  const { logger, lines } = createLog()
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const otlp = openOtlp({ endpoint, headers: {}, serviceName: 'auth', sampledShare: 1 }, '1.2.3', logger)
  const metrics = createMetrics(otlp.readers, otlp.resource)
  metrics.meter.createCounter('calls').add(1)
  await otlp.readers[0]?.forceFlush().catch(() => undefined)
  await otlp.stop(() => metrics.stop())
  expect(lines.map(({ event, reason }) => [event, reason])).toEqual([
    ['telemetry.lost', expect.stringMatching(/speaks gRPC.*Send to .* 4318/)],
  ])
})

test.each([
  ['http://collector:4317', 1],
  ['http://collector:4318', 0],
])('the address %s of the receiver is warned about %d times at the start', (endpoint, times) => {
  const { logger, lines } = createLog()
  const otlp = openOtlp({ endpoint, headers: {}, serviceName: 'auth', sampledShare: 1 }, '1.2.3', logger)
  onTestFinished(() => otlp.stop(() => Promise.resolve()))
  const warnings = lines.filter(({ event }) => event === 'settings.warning')
  expect(warnings).toHaveLength(times)
  for (const { msg } of warnings) expect(msg).toMatch(/gRPC.*4318/)
})
