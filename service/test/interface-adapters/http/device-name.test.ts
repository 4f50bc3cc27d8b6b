import type { FastifyRequest } from 'fastify'
import { expect, test } from 'vitest'
import { deviceName, userAgent } from '../../../src/interface-adapters/http/device-name.ts'

/** A request whose User-Agent header has these bytes, as Node reads them. */
const agentOf = (bytes: Buffer) =>
  userAgent({ headers: { 'user-agent': bytes.toString('latin1') } } as unknown as FastifyRequest)

test.each([
  ['ASCII', Buffer.from('curl/8.5.0'), 'curl/8.5.0'],
  ['UTF-8', Buffer.from('Büro-App/1.0 (日本語; 🐑)'), 'Büro-App/1.0 (日本語; 🐑)'],
  ['Latin-1', Buffer.from('Büro-App/1.0', 'latin1'), 'Büro-App/1.0'],
  ['UTF-8 that is cut off', Buffer.from('Büro').subarray(0, 2), 'BÃ'],
  ['controls in UTF-8', Buffer.from('a\u0085b\u202ec\u200bd'), 'a b c d'],
])('a User-Agent header in %s is shown as its client wrote it', (_what, bytes, shown) => {
  expect(agentOf(bytes)).toBe(shown)
  expect(deviceName(agentOf(bytes))).not.toBe('')
})

test('a long User-Agent header is cut between characters', () => {
  const shown = agentOf(Buffer.from(`a${'🐑'.repeat(300)}`))
  expect(shown.isWellFormed()).toBe(true)
  expect(shown.length).toBeLessThanOrEqual(512)
  expect(deviceName(shown).isWellFormed()).toBe(true)
})
