import type { FastifyRequest } from 'fastify'
import { expect, test } from 'vitest'
import { createMetrics } from '../../../src/infrastructure/observability/metrics.ts'
import { observeRefusedKeys } from '../../../src/infrastructure/observability/refused-key-log.ts'
import { at } from '../../support/builders.ts'

function aListener() {
  const metrics = createMetrics()
  const lines: Record<string, unknown>[] = []
  let now = at(0)
  const observe = observeRefusedKeys(metrics.meter, { now: () => now })
  const request = {
    ip: '203.0.113.7',
    headers: { authorization: 'Bearer a-wrong-key-that-nobody-has-given-out' },
    routeOptions: { url: '/v1/keys' },
    log: { warn: (line: Record<string, unknown>) => lines.push(line) },
  } as unknown as FastifyRequest
  return {
    metrics,
    lines,
    refuse: (count: number, reason: 'missing' | 'wrong' = 'wrong') => {
      for (let each = 0; each < count; each += 1) observe(request, reason)
    },
    pass: (seconds: number) => (now = at(seconds)),
  }
}

test('a refused service key is logged with its address, without the key', { tags: ['ACCESS-2'] }, () => {
  const { lines, refuse } = aListener()
  refuse(1)
  refuse(1, 'missing')
  const line = { event: 'service_key.refused', ip: '203.0.113.7', route: '/v1/keys', left_out: 0 }
  expect(lines).toEqual([
    { ...line, reason: 'wrong' },
    { ...line, reason: 'missing' },
  ])
})

test('a flood of refused service keys writes ten lines a minute', { tags: ['ACCESS-2'] }, () => {
  const { lines, refuse, pass } = aListener()
  refuse(5_000)
  expect(lines).toHaveLength(10)
  pass(60)
  refuse(12)
  expect(lines).toHaveLength(20)
  expect(lines.map((line) => line['left_out'])).toEqual([
    ...Array<number>(10).fill(0),
    4_990,
    ...Array<number>(9).fill(0),
  ])
})

test('every refused service key is counted, by reason', { tags: ['ACCESS-2'] }, async () => {
  const { metrics, refuse } = aListener()
  expect(await metrics.text()).toContain('chat_auth_service_key_refusals_total{reason="wrong"} 0')
  refuse(25)
  refuse(2, 'missing')
  const text = await metrics.text()
  expect(text).toContain('chat_auth_service_key_refusals_total{reason="wrong"} 25')
  expect(text).toContain('chat_auth_service_key_refusals_total{reason="missing"} 2')
  await metrics.stop()
})
