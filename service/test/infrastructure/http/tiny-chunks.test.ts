import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { limitTinyChunks } from '../../../src/infrastructure/http/tiny-chunks.ts'
import { statusOf } from '../../support/hostile-clients.ts'
import { request } from '../../support/raw-exchange.ts'

describe('a body in chunks', () => {
  let app: FastifyInstance
  let url: string

  beforeEach(async () => {
    app = Fastify()
    limitTinyChunks(app)
    app.post('/', ({ body }) => Promise.resolve({ length: JSON.stringify(body).length }))
    url = await app.listen({ host: '127.0.0.1', port: 0 })
  })
  afterEach(() => app.close())

  /** A JSON text in chunks of this size. */
  const send = (chunks: number, size: number): Promise<number> => {
    const text = `"${'x'.repeat(chunks * size - 2)}"`
    const pieces = Array.from({ length: chunks }, (_, index) => text.slice(index * size, (index + 1) * size))
    const body = pieces.map((piece) => `${size.toString(16)}\r\n${piece}\r\n`).join('')
    const headers = ['Content-Type: application/json', 'Transfer-Encoding: chunked']
    return statusOf(url, request('POST /', headers, `${body}0\r\n\r\n`))
  }

  test('a body in hundreds of tiny chunks is read', async () => {
    expect(await send(500, 1)).toBe(200)
  })

  test('a body in thousands of larger chunks is read', async () => {
    expect(await send(2_000, 128)).toBe(200)
  })

  test('a body in thousands of tiny chunks is cut off', { tags: ['HTTP-23'] }, async () => {
    expect(await send(2_000, 127)).toBe(0)
    expect(await send(501, 1)).toBe(0)
  })
})
