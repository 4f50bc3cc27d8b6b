import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import pino from 'pino'
import sharp from 'sharp'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { UseCases } from '../../../../src/application/use-cases.ts'
import { createHttpServer } from '../../../../src/infrastructure/http/http-server.ts'
import { avatarRoutes } from '../../../../src/interface-adapters/http/public/avatar-routes.ts'
import { parseResponse, request } from '../../../support/raw-exchange.ts'
import type { ApiResponse, TestUser } from '../../../support/test-client.ts'
import {
  databaseNames,
  startTestService,
  type TestService,
  withoutMail,
} from '../../../support/test-service.ts'
import {
  expectEnded,
  expectPrivate,
  expectProblem,
  expectRefusedFields,
} from '../../../support/http-expectations.ts'

const FOR_EVER = 'public, max-age=31536000, immutable'
const SHOWN = /^http:\/\/localhost:8000\/v1\/media\/avatars\/([0-9a-f]{64})-512\.webp$/

let made = 0

/** A picture that no other user has. A picture of two users stays when one of them removes it. */
const plain = (r: number, b: number) =>
  sharp({ create: { width: 100, height: 80, channels: 3, background: { r, g: (made += 4) % 256, b } } })
    .png()
    .toBuffer()

const formWith = (
  content: Buffer,
  { field = 'avatar', name = 'me.png', type = 'image/png' } = {},
): FormData => {
  const form = new FormData()
  form.append(field, new File([Buffer.from(content)], name, { type }))
  return form
}

describe.each(databaseNames)('pictures, on %s', (database) => {
  let service: TestService
  let red: Buffer
  let blue: Buffer
  let person: TestUser
  let token: string

  beforeAll(async () => {
    service = await startTestService(database, withoutMail)
  })
  beforeEach(async () => {
    person = await service.client().register()
    token = await signIn(person)
    ;[red, blue] = await Promise.all([plain(240, 0), plain(0, 240)])
  })
  afterAll(() => service.stop())

  const signIn = async (who: TestUser): Promise<string> => (await service.client().signIn(who)).access_token
  const putForm = (form: FormData, as = token) => service.client().putForm('/v1/users/me/avatar', form, as)
  const send = (content: Buffer, as = token) => putForm(formWith(content), as)
  const remove = (as = token) => service.client().delete('/v1/users/me/avatar', as)
  const urlOf = ({ body }: ApiResponse): string => (body as { avatar_url: string }).avatar_url
  const ownUrl = async (as = token) => urlOf(await service.client().get('/v1/users/me', as))
  /** Returns the bytes, because the test client reads bodies as text. */
  const show = async (url: string) => {
    const response = await fetch(service.url + new URL(url).pathname)
    return {
      status: response.status,
      headers: response.headers,
      bytes: Buffer.from(await response.arrayBuffer()),
    }
  }
  const expectGone = async (url: string) => {
    const { pathname } = new URL(url)
    for (const path of [pathname, pathname.replace('-512.', '-128.')]) {
      expectProblem(await service.client().get(path), 'not_found')
    }
  }
  const kept = (id = person.id) =>
    service.service.db.selectFrom('avatars').selectAll().where('user_id', '=', id).execute()
  const updates = async (id = person.id) => {
    const { db } = service.service
    const query = db
      .selectFrom('outbox')
      .selectAll()
      .where('user_id', '=', id)
      .where('type', '=', 'user.updated')
    return (await query.orderBy('id').execute()).map(({ data }) => data)
  }

  test('an uploaded picture is shown to its owner and others and writes an event', async () => {
    const response = await send(red)
    expect([response.status, response.body]).toEqual([
      200,
      { avatar_url: expect.stringMatching(SHOWN) as string },
    ])
    expectPrivate(response)
    const url = urlOf(response)
    expect(await ownUrl()).toBe(url)
    const another = await signIn(await service.client().register())
    expect(urlOf(await service.client().get(`/v1/users/${person.id}`, another))).toBe(url)
    expect(await updates()).toEqual([{ username: person.username, changed: ['avatar'] }])
  })

  test(
    'an uploaded picture is served to everyone in two sizes, immutable, as image/webp',
    { tags: ['HTTP-13'] },
    async () => {
      const url = urlOf(await send(red))
      for (const size of [512, 128]) {
        const { status, headers, bytes } = await show(url.replace('-512.', `-${size}.`))
        expect(status).toBe(200)
        expect(Object.fromEntries(headers)).toMatchObject({
          'content-type': 'image/webp',
          'cache-control': FOR_EVER,
          'x-content-type-options': 'nosniff',
          'content-security-policy': expect.stringContaining("default-src 'none'") as string,
          'cross-origin-resource-policy': 'cross-origin',
          'content-length': String(bytes.length),
        })
        expect(await sharp(bytes).metadata()).toMatchObject({ format: 'webp', width: size, height: size })
        const { dominant } = await sharp(bytes).stats()
        expect(dominant.r).toBeGreaterThan(150)
      }
      const head = await service.client().request('HEAD', new URL(url).pathname)
      expect([head.status, head.headers.get('content-type'), head.body]).toEqual([
        200,
        'image/webp',
        undefined,
      ])
    },
  )

  test('a new picture replaces the old one, which is deleted', { tags: ['HTTP-15'] }, async () => {
    const first = urlOf(await send(red))
    const second = urlOf(await send(blue))
    expect(second).not.toBe(first)
    await expectGone(first)
    expect((await show(second)).status).toBe(200)
    expect(await kept()).toHaveLength(1)
    expect(await updates()).toHaveLength(2)
  })

  test('the same picture again keeps its address and writes no event', async () => {
    const url = urlOf(await send(red))
    expect(urlOf(await send(red))).toBe(url)
    expect(await updates()).toHaveLength(1)
  })

  test('a removed picture is deleted and the default one shown; removing again is 204', async () => {
    const before = await ownUrl()
    const url = urlOf(await send(red))
    const response = await remove()
    expect([response.status, response.body]).toEqual([204, undefined])
    await expectGone(url)
    expect(await ownUrl()).toBe(before)
    expect(await kept()).toEqual([])
    expect((await remove()).status).toBe(204)
    expect(await updates()).toHaveLength(2)
  })

  test('a picture of two users stays until neither of them has it', async () => {
    const other = await service.client().register()
    const otherToken = await signIn(other)
    const url = urlOf(await send(red))
    expect(urlOf(await send(red, otherToken))).toBe(url)
    await remove()
    expect((await show(url)).status).toBe(200)
    expect(await ownUrl(otherToken)).toBe(url)
    await send(blue, otherToken)
    await expectGone(url)
  })

  test('a default picture is served as an immutable PNG with an ETag, in two sizes', async () => {
    const url = await ownUrl()
    for (const size of [512, 128]) {
      const { status, headers, bytes } = await show(url.replace('-512.', `-${size}.`))
      expect([status, headers.get('content-type'), headers.get('cache-control')]).toEqual([
        200,
        'image/png',
        FOR_EVER,
      ])
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('etag')).toMatch(/^"default-\d{1,2}-(512|128)"$/)
      expect(await sharp(bytes).metadata()).toMatchObject({ format: 'png', width: size, height: size })
    }
  })

  test('a client that already has a default picture gets a 304', async () => {
    const { pathname } = new URL(await ownUrl())
    const etag = (await fetch(service.url + pathname)).headers.get('etag') ?? ''
    const again = await fetch(service.url + pathname, { headers: { 'if-none-match': etag } })
    expect([again.status, await again.text(), again.headers.get('etag')]).toEqual([304, '', etag])
    const other = await fetch(service.url + pathname, { headers: { 'if-none-match': '"other"' } })
    expect(other.status).toBe(200)
  })

  test.each(['letters-00410045-5-512.png', 'pattern-3779-1-128.png'])(
    'the earlier address %s is served with a default picture',
    async (file) => {
      const { status, headers, bytes } = await show(`http://localhost:8000/media/avatars/${file}`)
      expect([status, headers.get('content-type')]).toEqual([200, 'image/png'])
      expect(await sharp(bytes).metadata()).toMatchObject({ width: Number(file.slice(-7, -4)) })
    },
  )

  test.each([
    '',
    'default.png',
    'x.webp',
    'letters-0041-99-512.png',
    'default-48-512.png',
    `${'0'.repeat(64)}-512.webp`,
    `${'0'.repeat(64)}-512.svg`,
    `${'0'.repeat(64)}-512.html`,
    '%3Csvg%3E',
    'a%00b',
    '..%2f..%2fpackage.json',
  ])('there is no picture at /v1/media/avatars/%s', async (file) => {
    for (const path of ['/v1/media/avatars', '/media/avatars']) {
      expectProblem(await service.client().get(`${path}/${file}`), 'not_found')
    }
  })

  test('a picture is also served at the address that earlier versions gave out', async () => {
    const urls = [await ownUrl(), urlOf(await send(red))]
    for (const url of urls) {
      expect(new URL(url).pathname).toMatch(/^\/v1\/media\/avatars\//)
      const now = await show(url)
      const earlier = await show(url.replace('/v1/media/', '/media/'))
      expect([now.status, earlier.status]).toEqual([200, 200])
      expect(earlier.bytes.equals(now.bytes)).toBe(true)
      for (const name of ['content-type', 'cache-control', 'etag', 'cross-origin-resource-policy']) {
        expect([name, earlier.headers.get(name)]).toEqual([name, now.headers.get(name)])
      }
    }
  })

  describe('the uploaded file', () => {
    test(
      'a picture is accepted or refused with its reason; a refused one leaves nothing',
      { tags: ['HTTP-11'] },
      async () => {
        const still = await plain(9, 9)
        const animation = sharp([still, red], { join: { animated: true } })
        const wide = { width: 8193, height: 1, channels: 3, background: '#fff' } as const
        expectRefusedFields(await send(still.subarray(0, -20)), { avatar: 'broken' })
        expectRefusedFields(await send(await animation.webp().toBuffer()), { avatar: 'animated' })
        expectRefusedFields(await send(await sharp({ create: wide }).png().toBuffer()), {
          avatar: 'too_many_pixels',
        })
        expectProblem(await send(Buffer.from('GIF89a')), 'unsupported_picture')
        expectProblem(await send(Buffer.alloc(2 * 1024 * 1024 + 1)), 'picture_too_large')
        expect([await kept(), await updates()]).toEqual([[], []])
        expect((await send(still)).status).toBe(200)
      },
    )

    test(
      'the type of a picture follows from its content, not from its name or declared type',
      { tags: ['HTTP-10'] },
      async () => {
        for (const [name, type] of [
          ['page.html', 'text/html'],
          ['me.svg', 'image/svg+xml'],
          ['../../etc/passwd', 'application/x-sh'],
          ['me.gif', ''],
        ] as const) {
          const response = await putForm(formWith(red, { name, type }))
          expect(response.status).toBe(200)
          expect((await show(urlOf(response))).headers.get('content-type')).toBe('image/webp')
        }
        const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>')
        expectProblem(
          await putForm(formWith(svg, { name: 'me.png', type: 'image/png' })),
          'unsupported_picture',
        )
      },
    )

    test('a picture of exactly 2 MiB is accepted, one byte more is refused', async () => {
      const padded = Buffer.concat([red, Buffer.alloc(2 * 1024 * 1024 - red.length)])
      expect((await send(padded)).status).toBe(200)
      expectProblem(await send(Buffer.concat([padded, Buffer.alloc(1)])), 'picture_too_large')
    })
  })

  describe('the upload form', () => {
    const put = (body: string | Buffer, type: string | undefined, more: readonly string[] = []) => {
      const headers = [
        `Authorization: Bearer ${token}`,
        `Content-Length: ${Buffer.byteLength(body)}`,
        ...more,
      ]
      if (type !== undefined) headers.push(`Content-Type: ${type}`)
      return exchangeWith(request('PUT /v1/users/me/avatar', headers, body))
    }
    const exchangeWith = async (bytes: Buffer): Promise<ApiResponse> => {
      const socket = connect(Number(new URL(service.url).port), '127.0.0.1')
      socket.write(bytes)
      return parseResponse(await text(socket))
    }
    const TYPE = 'multipart/form-data; boundary=edge'
    const part = (headers: string, content: Buffer | string): Buffer =>
      Buffer.concat([Buffer.from(`--edge\r\n${headers}\r\n\r\n`), Buffer.from(content), Buffer.from('\r\n')])
    const end = Buffer.from('--edge--\r\n')
    const FILE = 'Content-Disposition: form-data; name="avatar"; filename="me.png"\r\nContent-Type: image/png'

    afterEach(async () => expect(await kept()).toEqual([]))

    test('an upload without a file, with another field or with text is refused', async () => {
      expectRefusedFields(await put(end, TYPE), { avatar: 'required' })
      const withoutHeaders = Buffer.concat([Buffer.from('--edge\r\n\r\nx\r\n'), end])
      expectRefusedFields(await put(withoutHeaders, TYPE), { avatar: 'required' })
      expectRefusedFields(await putForm(formWith(red, { field: 'picture' })), { avatar: 'required' })
      expectRefusedFields(await putForm(formWith(red, { field: 'Avatar' })), { avatar: 'required' })
      const words = new FormData()
      words.set('avatar', 'a face')
      expectRefusedFields(await putForm(words), { avatar: 'invalid_type' })
      // Browsers send this if the user has not selected a file.
      const unselected = formWith(Buffer.alloc(0), { name: '', type: 'application/octet-stream' })
      expectRefusedFields(await putForm(unselected), { avatar: 'invalid_type' })
    })

    test('an upload with several files or fields is refused', async () => {
      const twice = formWith(red)
      twice.append('avatar', new File([Buffer.from(blue)], 'two.png'))
      expectRefusedFields(await putForm(twice), { avatar: 'invalid_format' })
      const besides = formWith(red)
      besides.append('user_id', '1')
      expectRefusedFields(await putForm(besides), { avatar: 'invalid_format' })
      const another = formWith(red)
      another.append('picture', new File([Buffer.from(blue)], 'two.png'))
      expectRefusedFields(await putForm(another), { avatar: 'invalid_format' })
    })

    test('an upload with 30,000 fields is refused', async () => {
      const fields = part('Content-Disposition: form-data; name="a"', '').toString().repeat(30_000)
      expectRefusedFields(await put(fields + end.toString(), TYPE), { avatar: 'required' })
    })

    test('an upload with a nested form is refused as an unsupported picture', async () => {
      const inner = `--inner\r\nContent-Disposition: file; filename="me.png"\r\n\r\n${red.toString('latin1')}\r\n--inner--`
      const nested = part(
        'Content-Disposition: form-data; name="avatar"; filename="x"\r\nContent-Type: multipart/mixed; boundary=inner',
        Buffer.from(inner, 'latin1'),
      )
      expectProblem(await put(Buffer.concat([nested, end]), TYPE), 'unsupported_picture')
    })

    test.each([
      [
        'no boundary in its type',
        'multipart/form-data; charset=utf-8',
        Buffer.concat([part(FILE, 'x'), end]),
      ],
      [
        'another boundary in its type',
        'multipart/form-data; boundary=other',
        Buffer.concat([part(FILE, 'x'), end]),
      ],
      ['no end', TYPE, part(FILE, 'x')],
      ['no parts', TYPE, Buffer.from('hello')],
      ['no body', TYPE, Buffer.alloc(0)],
      [
        'a part without a name',
        TYPE,
        Buffer.concat([part('Content-Disposition: form-data; filename="x"', 'x'), end]),
      ],
      ['headers that never end', TYPE, Buffer.from(`--edge\r\n${'X-Header: x\r\n'.repeat(1000)}`)],
    ])('an upload with %s is malformed', async (_, type, body) => {
      expectProblem(await put(body, type), 'malformed_request')
    })

    test.each([
      ['application/json', []],
      ['application/x-www-form-urlencoded', []],
      ['image/png', []],
      ['multipart/mixed; boundary=edge', []],
      ['multipart/form-data', []],
      ['text/html', []],
      [undefined, []],
      [TYPE, ['Content-Encoding: gzip']],
    ])('an upload must be a plain form, and %s %j is refused', async (type, headers) => {
      const response = await put(Buffer.concat([part(FILE, red), end]), type, headers)
      if (type === 'application/json') expectProblem(response, 'malformed_request')
      else expectProblem(response, 'unsupported_media_type')
    })

    test('an upload longer than any picture is refused before its end, announced or not', async () => {
      const start = part(FILE, Buffer.alloc(2 * 1024 * 1024 + 100))
      const announced = await exchangeWith(
        request(
          'PUT /v1/users/me/avatar',
          [`Authorization: Bearer ${token}`, `Content-Type: ${TYPE}`, 'Content-Length: 1000000000'],
          start,
        ),
      )
      expectProblem(announced, 'picture_too_large')
      const pieces = Buffer.alloc(2 * 1024 * 1024 + 17 * 1024)
      const size = Buffer.from(`${pieces.length.toString(16)}\r\n`)
      const chunked = await exchangeWith(
        request(
          'PUT /v1/users/me/avatar',
          [`Authorization: Bearer ${token}`, `Content-Type: ${TYPE}`, 'Transfer-Encoding: chunked'],
          Buffer.concat([size, pieces, Buffer.from('\r\n')]),
        ),
      )
      expectProblem(chunked, 'picture_too_large')
    })

    test('an aborted upload leaves nothing, and the next one succeeds', async () => {
      const socket = connect(Number(new URL(service.url).port), '127.0.0.1')
      socket.end(
        request(
          'PUT /v1/users/me/avatar',
          [`Authorization: Bearer ${token}`, `Content-Type: ${TYPE}`, 'Content-Length: 100000'],
          part(FILE, red),
        ),
      )
      await text(socket)
      expect((await send(red)).status).toBe(200)
      expect((await remove()).status).toBe(204)
    })
  })

  test('an upload needs a session before its body is read', async () => {
    for (const method of ['PUT', 'DELETE']) {
      expectProblem(await service.client().request(method, '/v1/users/me/avatar'), 'authentication_required')
      const options = { token: 'nonsense', ...(method === 'PUT' && { body: formWith(red) }) }
      expectProblem(
        await service.client().request(method, '/v1/users/me/avatar', options),
        'invalid_access_token',
      )
    }
    await service.client().delete('/v1/sessions/current', token)
    expectEnded(await send(red), 'signed_out')
    expectEnded(await remove(), 'signed_out')
    expect(await kept()).toEqual([])
  })

  test('uploads are limited per user', async () => {
    service.clock.stop()
    for (let n = 0; n < 20; n += 1) expectProblem(await send(Buffer.from('x')), 'unsupported_picture')
    const limited = await send(red)
    expectProblem(limited, 'too_many_attempts')
    expect(limited.headers.get('retry-after')).toBe('15')
    const other = await signIn(await service.client().register())
    expect((await send(red, other)).status).toBe(200)
  })

  test('of two parallel uploads one is shown, and nothing of the other is left', async () => {
    const responses = await Promise.all([send(red), send(blue)])
    expect(responses.map(({ status }) => status)).toEqual([200, 200])
    const shown = await ownUrl()
    const [other = ''] = responses.map(urlOf).filter((url) => url !== shown)
    expect((await show(shown)).status).toBe(200)
    const [row, ...more] = await kept()
    expect([shown.includes(row?.name ?? 'none'), more]).toEqual([true, []])
    const holders = await service.service.db
      .selectFrom('avatars')
      .select('user_id')
      .where('name', '=', SHOWN.exec(other)?.[1] ?? '')
      .execute()
    expect(holders.map(({ user_id }) => user_id)).not.toContain(person.id)
  })
})

test('an upload that takes too long is aborted, and its reader fails', { tags: ['HTTP-14'] }, async () => {
  let wasRead: Promise<unknown> = Promise.resolve()
  const useCases = {
    authenticate: () => Promise.resolve({ user: { id: 1 } }),
    setAvatar: (_: unknown, read: () => Promise<Uint8Array>) => (wasRead = read()),
  } as unknown as UseCases
  const logger = pino({ level: 'silent' })
  const options = {
    publicUrl: 'http://localhost:8000',
    trustedProxies: [],
    corsOrigins: [],
    logger,
    requestTimeoutMs: 30,
  }
  const app = await createHttpServer(
    options,
    [],
    [{ prefix: '/v1', routes: avatarRoutes(useCases, options.publicUrl) }],
  )
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  await once(socket, 'connect')
  const headers = [
    'Authorization: Bearer x',
    'Content-Type: multipart/form-data; boundary=edge',
    'Content-Length: 1000',
  ]
  socket.write(request('PUT /v1/users/me/avatar', headers, '--edge\r\n'))
  try {
    expectProblem(parseResponse(await text(socket)), 'request_timeout')
    await expect(wasRead).rejects.toMatchObject({ code: 'malformed_request' })
  } finally {
    app.server.closeAllConnections()
    await app.close()
  }
})
