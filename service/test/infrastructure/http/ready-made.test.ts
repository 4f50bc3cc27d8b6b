import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { gunzipSync } from 'node:zlib'
import { readyMade } from '../../../src/infrastructure/http/ready-made.ts'

const content = JSON.stringify(Array.from({ length: 1000 }, (_, index) => ({ index })))

describe('a ready-made response', () => {
  let app: FastifyInstance
  let reads: number

  beforeEach(() => {
    reads = 0
    app = Fastify()
    app.get(
      '/',
      readyMade('application/json; charset=utf-8', () => {
        reads += 1
        return Promise.resolve(Buffer.from(content))
      }),
    )
  })
  afterEach(() => app.close())

  const get = (headers: Record<string, string> = {}) => app.inject({ url: '/', headers })

  test('a ready-made response is read once, also for parallel requests', { tags: ['HTTP-23'] }, async () => {
    const responses = await Promise.all([get(), get(), get()])
    await get()
    expect(responses.map(({ body }) => body)).toEqual([content, content, content])
    expect(reads).toBe(1)
  })

  test('a ready-made response that could not be read is read again', async () => {
    const results = [
      Promise.reject(new Error('too many open files')),
      Promise.resolve(Buffer.from('content')),
    ]
    app.get(
      '/flaky',
      readyMade('text/plain', () => results.shift() ?? Promise.reject(new Error('read twice'))),
    )
    const statuses = []
    for (let count = 0; count < 3; count += 1) statuses.push((await app.inject('/flaky')).statusCode)
    expect(statuses).toEqual([500, 200, 200])
  })

  test('a ready-made response is sent compressed to clients that accept gzip', async () => {
    const { headers, rawPayload } = await get({ 'accept-encoding': 'br, gzip;q=0.8' })
    expect(headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'accept-encoding' })
    expect(rawPayload.length).toBeLessThan(content.length / 2)
    expect(gunzipSync(rawPayload).toString()).toBe(content)
  })

  test.each(['identity', 'br', 'gzip;q=0', 'gzip; q=0.000', 'x-gzipped'])(
    'a ready-made response is sent as it is to a client that accepts only %s',
    async (accepted) => {
      const { headers, body } = await get({ 'accept-encoding': accepted })
      expect([headers['content-encoding'], body]).toEqual([undefined, content])
    },
  )

  test('a client that already has a ready-made response gets a 304', async () => {
    const etag = String((await get()).headers.etag)
    for (const held of [etag, etag.slice(2), `"other", ${etag}`]) {
      const { statusCode, body, headers } = await get({ 'if-none-match': held })
      expect([statusCode, body, headers.etag]).toEqual([304, '', etag])
    }
    expect((await get({ 'if-none-match': '"other"' })).statusCode).toBe(200)
  })
})
