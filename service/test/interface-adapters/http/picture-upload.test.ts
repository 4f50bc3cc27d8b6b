import { Readable, type Writable } from 'node:stream'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createLogger } from '../../../src/infrastructure/process/logger.ts'
import { acceptPictureForms, readPicture } from '../../../src/interface-adapters/http/picture-upload.ts'

const KIB = 1024
const MIB = 1024 * KIB

const part = (headers: string, content: Buffer | string = ''): Buffer =>
  Buffer.concat([Buffer.from(`--edge\r\n${headers}\r\n\r\n`), Buffer.from(content), Buffer.from('\r\n')])
const END = '--edge--\r\n'
const field = (name: string, content = ''): Buffer =>
  part(`Content-Disposition: form-data; name="${name}"`, content)
const file = (name: string, content: Buffer | string): Buffer =>
  part(
    `Content-Disposition: form-data; name="${name}"; filename="me.png"\r\nContent-Type: image/png`,
    content,
  )

describe('reading an uploaded picture', () => {
  let app: FastifyInstance
  /** How many bytes of the body reached the form parser. */
  let parsedBytes: number
  let logged: string
  let url: string

  beforeEach(async () => {
    ;[parsedBytes, logged] = [0, '']
    const loggerInstance = createLogger('trace', { write: (line) => (logged += line) })
    app = Fastify({ loggerInstance, forceCloseConnections: true }) as unknown as FastifyInstance
    app.addHook('onRequest', ({ raw }, _reply, done) => {
      const pipe = raw.pipe.bind(raw) as (to: Writable) => Writable
      raw.pipe = ((parser: Writable) => {
        const write = parser.write.bind(parser) as (chunk: Buffer) => boolean
        parser.write = ((chunk: Buffer) => {
          parsedBytes += chunk.length
          return write(chunk)
        }) as typeof parser.write
        return pipe(parser)
      }) as typeof raw.pipe
      done()
    })
    acceptPictureForms(app)
    app.put('/picture', async (request) => {
      try {
        return { bytes: (await readPicture(request)).length }
      } catch (error) {
        const { code, details } = error as { code: string; details?: { fields?: { code: string }[] } }
        return { code: details?.fields?.[0]?.code ?? code }
      }
    })
    url = await app.listen({ host: '127.0.0.1', port: 0 })
  })
  afterEach(() => app.close())

  async function put(body: Buffer, headers: Record<string, string> = {}): Promise<unknown> {
    const response = await fetch(`${url}/picture`, {
      method: 'PUT',
      headers: { 'content-type': 'multipart/form-data; boundary=edge', ...headers },
      body: Readable.toWeb(Readable.from([body])) as ReadableStream,
      duplex: 'half',
    })
    return response.json()
  }
  const form = (...parts: (Buffer | string)[]): Buffer =>
    Buffer.concat(parts.map((each) => Buffer.from(each)))

  test('a picture of 2 MiB arrives whole', async () => {
    const body = form(file('avatar', Buffer.alloc(2 * MIB, 7)), END)
    expect(await put(body)).toEqual({ bytes: 2 * MIB })
    expect(parsedBytes).toBe(body.length)
  })

  test('a form with 37,000 empty fields is refused without parsing them all', async () => {
    const fields = Buffer.concat(Array<Buffer>(37_000).fill(field('a')))
    expect(await put(form(fields, END))).toEqual({ code: 'required' })
    expect(fields.length).toBeGreaterThan(1.8 * MIB)
    expect(parsedBytes).toBeLessThan(256 * KIB)
  })

  test.each([
    ['parts without a header', '--edge\r\n\r\n\r\n'],
    ['parts without a name', part('Content-Disposition: form-data').toString()],
    ['fields named like a property of every object', field('constructor').toString()],
    [
      'fields of broken JSON',
      part('Content-Disposition: form-data; name="a"\r\nContent-Type: application/json', '{').toString(),
    ],
    ['empty files', file('a', '').toString()],
    // Few enough for the package's own limit of 1,000 parts, which would let a megabyte through.
    ['fields of 1,000 bytes', field('a', 'x'.repeat(1_000)).toString()],
  ])('a form of 1.8 MB of %s is refused without parsing it all', async (_, text) => {
    const body = Buffer.from(text.repeat(Math.ceil((1.8 * MIB) / text.length)) + END)
    expect(await put(body)).toHaveProperty('code')
    expect(parsedBytes).toBeLessThan(256 * KIB)
  })

  test('a second part is refused, before or after the picture', async () => {
    const picture = file('avatar', 'pixels')
    expect(await put(form(picture, field('user_id', '1'), END))).toEqual({ code: 'invalid_format' })
    expect(await put(form(field('user_id', '1'), picture, END))).toEqual({ code: 'invalid_format' })
    expect(await put(form(picture, picture, END))).toEqual({ code: 'invalid_format' })
    expect(await put(form(picture, field('constructor'), END))).toEqual({ code: 'invalid_format' })
  })

  test('a picture of one byte more than 2 MiB is refused as too large', async () => {
    expect(await put(form(file('avatar', Buffer.alloc(2 * MIB + 1)), END))).toEqual({
      code: 'picture_too_large',
    })
  })

  test('a form longer than a picture with its headers is refused before its end', async () => {
    expect(await put(Buffer.alloc(8 * MIB, 'x'))).toEqual({ code: 'picture_too_large' })
    expect(parsedBytes).toBeLessThan(3 * MIB)
  })

  test('a form that ends in the middle of the picture is malformed', async () => {
    expect(await put(file('avatar', 'pixels'))).toEqual({ code: 'malformed_request' })
  })

  test('the access token of an upload is not logged, even at trace level', async () => {
    await put(form(file('avatar', 'pixels'), END), { authorization: 'Bearer a-secret-token' })
    expect(logged).toContain('Providing options to busboy')
    expect(logged).not.toContain('a-secret-token')
  })
})
