import type { FastifyRequest } from 'fastify'
import { describe, expect, test } from 'vitest'
import { requireServiceKey } from '../../src/infrastructure/service-keys.ts'

const KEY = 'service-key-of-the-tests-that-is-long'
const OTHER = 'another-service-key-of-the-tests-that-is-long'

const asking = (keys: readonly string[], authorization?: string): Promise<void> =>
  requireServiceKey(keys)({ headers: { authorization } } as FastifyRequest)

describe('a service key', () => {
  test.each([KEY, OTHER])('is any of those configured: %s', async (key) => {
    await expect(asking([KEY, OTHER], `Bearer ${key}`)).resolves.toBeUndefined()
  })

  test.each([undefined, '', 'Bearer', 'Bearer ', KEY, `Basic ${KEY}`, `Bearer ${KEY}x`, 'Bearer x'])(
    'is not %j',
    async (authorization) => {
      await expect(asking([KEY, OTHER], authorization)).rejects.toMatchObject({ code: 'invalid_service_key' })
    },
  )

  test('is nothing at all where none is configured', async () => {
    for (const authorization of [undefined, '', 'Bearer ', `Bearer ${KEY}`]) {
      await expect(asking([], authorization)).rejects.toMatchObject({ code: 'invalid_service_key' })
    }
  })

  test('is never an empty one: nobody is let in with it, and no listener starts', () => {
    for (const keys of [[''], [KEY, '']]) {
      expect(() => requireServiceKey(keys)).toThrow('a service key is empty')
    }
  })
})
