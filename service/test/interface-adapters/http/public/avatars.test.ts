import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import pino from 'pino'
import sharp from 'sharp'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { UseCases } from '../../src/application/use-cases.ts'
import { createHttpServer } from '../../src/infrastructure/http-server.ts'
import { avatarRoutes } from '../../src/interface-adapters/http/avatar-routes.ts'
import { hostilePictures, type SentFile } from '../support/hostile-pictures.ts'
import { parseAnswer, request } from '../support/raw-exchange.ts'
import type { Answer, Person } from '../support/test-client.ts'
import { databaseNames, startTestService, type TestService } from '../support/test-service.ts'
import { expectEnded, expectPrivate, expectProblem, expectRefusedFields } from './expectations.ts'

const FOR_EVER = 'public, max-age=31536000, immutable'
const SHOWN = /^http:\/\/localhost:8000\/media\/avatars\/([0-9a-f]{64})-512\.webp$/

let made = 0

/** A picture that nobody else has: what two people have is not gone when one of them removes it. */
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
  let person: Person
  let token: string

  beforeAll(async () => {
    service = await startTestService(database)
  })
  beforeEach(async () => {
    person = await service.client().register()
    token = await signIn(person)
    ;[red, blue] = await Promise.all([plain(240, 0), plain(0, 240)])
  })
  afterAll(() => service.stop())

  const signIn = async (who: Person): Promise<string> => (await service.client().signIn(who)).access_token
  const putForm = (form: FormData, as = token) => service.client().putForm('/v1/users/me/avatar', form, as)
  const send = (content: Buffer, as = token) => putForm(formWith(content), as)
  const remove = (as = token) => service.client().delete('/v1/users/me/avatar', as)
  const urlOf = ({ body }: Answer): string => (body as { avatar_url: string }).avatar_url
  const ownUrl = async (as = token) => urlOf(await service.client().get('/v1/users/me', as))
  /** With its bytes, which the other client takes for text. */
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

  test('one that was sent is shown everywhere, and told', async () => {
    const answer = await send(red)
    expect([answer.status, answer.body]).toEqual([
      200,
      { avatar_url: expect.stringMatching(SHOWN) as string },
    ])
    expectPrivate(answer)
    const url = urlOf(answer)
    expect(await ownUrl()).toBe(url)
    const another = await signIn(await service.client().register())
    expect(urlOf(await service.client().get(`/v1/users/${person.id}`, another))).toBe(url)
    expect(await updates()).toEqual([{ username: person.username, changed: ['avatar'] }])
  })

  test('one is served to anybody, in two sizes, as what it is and to be kept for ever', async () => {
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
    expect([head.status, head.headers.get('content-type'), head.body]).toEqual([200, 'image/webp', undefined])
  })

  test('a new one takes the place of the old one, which is gone', async () => {
    const first = urlOf(await send(red))
    const second = urlOf(await send(blue))
    expect(second).not.toBe(first)
    await expectGone(first)
    expect((await show(second)).status).toBe(200)
    expect(await kept()).toHaveLength(1)
    expect(await updates()).toHaveLength(2)
  })

  test('the same again is the same address, and tells nobody', async () => {
    const url = urlOf(await send(red))
    expect(urlOf(await send(red))).toBe(url)
    expect(await updates()).toHaveLength(1)
  })

  test('one that is taken away is gone, and the drawn one is shown; doing it again is fine', async () => {
    const drawn = await ownUrl()
    const url = urlOf(await send(red))
    const answer = await remove()
    expect([answer.status, answer.body]).toEqual([204, undefined])
    await expectGone(url)
    expect(await ownUrl()).toBe(drawn)
    expect(await kept()).toEqual([])
    expect((await remove()).status).toBe(204)
    expect(await updates()).toHaveLength(2)
  })

  test('the same one of somebody else stays when one of the two takes it away', async () => {
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

  test('somebody without one is shown with a drawn one, each size a PNG to be kept for ever', async () => {
    const url = await ownUrl()
    for (const size of [512, 128]) {
      const { status, headers, bytes } = await show(url.replace('-512.', `-${size}.`))
      expect([status, headers.get('content-type'), headers.get('cache-control')]).toEqual([
        200,
        'image/png',
        FOR_EVER,
      ])
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(await sharp(bytes).metadata()).toMatchObject({ format: 'png', width: size, height: size })
    }
  })

  test.each(['ωμεγα', 'жанна', '山田太郎', 'محمدعلی', 'สมชาย'])(
    'a name such as %s has a drawn one, too',
    async (start) => {
      const { id } = person
      const { db } = service.service
      await db.updateTable('users').set({ username: start }).where('id', '=', id).execute()
      const url = await ownUrl()
      expect(url).toMatch(/^[\x21-\x7e]+$/)
      expect((await show(url)).headers.get('content-type')).toBe('image/png')
    },
  )

  test.each([
    ...[
      '',
      'default.png',
      'x.webp',
      'letters-0041-99-512.png',
      'letters-003c-1-512.png',
      `${'0'.repeat(64)}-512.webp`,
    ],
    ...[
      `${'0'.repeat(64)}-512.svg`,
      `${'0'.repeat(64)}-512.html`,
      '%3Csvg%3E',
      'a%00b',
      '..%2f..%2fpackage.json',
    ],
  ])('there is none at /media/avatars/%s', async (file) => {
    expectProblem(await service.client().get(`/media/avatars/${file}`), 'not_found')
  })

  describe('the file', () => {
    let files: SentFile[]

    beforeAll(async () => {
      files = await hostilePictures()
    }, 120_000)

    const statuses = {
      picture_too_large: 413,
      unsupported_picture: 415,
      broken: 422,
      animated: 422,
      too_many_pixels: 422,
    }

    test('is taken or refused with the reason, whatever it is, and what is refused leaves nothing', async () => {
      expect(files.length).toBeGreaterThan(100)
      for (const [at, { title, bytes, verdict }] of files.entries()) {
        // Nobody may send as many.
        if (at % 15 === 0) token = await signIn((person = await service.client().register()))
        const before = [await kept(), await updates()]
        const answer = await send(bytes)
        if (verdict === 'taken') {
          expect([title, answer.status]).toEqual([title, 200])
          continue
        }
        expect([title, answer.status]).toEqual([title, statuses[verdict]])
        if (answer.status === 422) expectRefusedFields(answer, { avatar: verdict })
        else expectProblem(answer, verdict as 'picture_too_large')
        expect([await kept(), await updates()]).toEqual(before)
      }
    }, 240_000)

    test('is what its content is, whatever its name and its declared type say', async () => {
      for (const [name, type] of [
        ['page.html', 'text/html'],
        ['me.svg', 'image/svg+xml'],
        ['../../etc/passwd', 'application/x-sh'],
        ['me.gif', ''],
      ] as const) {
        const answer = await putForm(formWith(red, { name, type }))
        expect(answer.status).toBe(200)
        expect((await show(urlOf(answer))).headers.get('content-type')).toBe('image/webp')
      }
      const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>')
      expectProblem(
        await putForm(formWith(svg, { name: 'me.png', type: 'image/png' })),
        'unsupported_picture',
      )
    })

    test('of exactly 2 MiB is looked at, one of a byte more is not', async () => {
      const padded = Buffer.concat([red, Buffer.alloc(2 * 1024 * 1024 - red.length)])
      expect((await send(padded)).status).toBe(200)
      expectProblem(await send(Buffer.concat([padded, Buffer.alloc(1)])), 'picture_too_large')
    })
  })

  describe('the form', () => {
    const put = (body: string | Buffer, type: string | undefined, more: readonly string[] = []) => {
      const headers = [
        `Authorization: Bearer ${token}`,
        `Content-Length: ${Buffer.byteLength(body)}`,
        ...more,
      ]
      if (type !== undefined) headers.push(`Content-Type: ${type}`)
      return exchangeWith(request('PUT /v1/users/me/avatar', headers, body))
    }
    const exchangeWith = async (bytes: Buffer): Promise<Answer> => {
      const socket = connect(Number(new URL(service.url).port), '127.0.0.1')
      socket.write(bytes)
      return parseAnswer(await text(socket))
    }
    const TYPE = 'multipart/form-data; boundary=edge'
    const part = (headers: string, content: Buffer | string): Buffer =>
      Buffer.concat([Buffer.from(`--edge\r\n${headers}\r\n\r\n`), Buffer.from(content), Buffer.from('\r\n')])
    const end = Buffer.from('--edge--\r\n')
    const FILE = 'Content-Disposition: form-data; name="avatar"; filename="me.png"\r\nContent-Type: image/png'

    afterEach(async () => expect(await kept()).toEqual([]))

    test('without a file, with another field, or with words in its place is refused', async () => {
      expectRefusedFields(await put(end, TYPE), { avatar: 'required' })
      expectRefusedFields(await putForm(formWith(red, { field: 'picture' })), { avatar: 'required' })
      expectRefusedFields(await putForm(formWith(red, { field: 'Avatar' })), { avatar: 'required' })
      const words = new FormData()
      words.set('avatar', 'a face')
      expectRefusedFields(await putForm(words), { avatar: 'invalid_type' })
      // What browsers send where nobody chose a file.
      const unchosen = formWith(Buffer.alloc(0), { name: '', type: 'application/octet-stream' })
      expectRefusedFields(await putForm(unchosen), { avatar: 'invalid_type' })
    })

    test('with several files or fields is refused, whichever of them is a picture', async () => {
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

    test('of 30,000 fields is refused as quickly as another', async () => {
      const fields = part('Content-Disposition: form-data; name="a"', '').toString().repeat(30_000)
      expectRefusedFields(await put(fields + end.toString(), TYPE), { avatar: 'required' })
    })

    test('with a form inside is no picture', async () => {
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
      ['a part without headers', TYPE, Buffer.concat([Buffer.from('--edge\r\n\r\nx\r\n'), end])],
      [
        'a part without a name',
        TYPE,
        Buffer.concat([part('Content-Disposition: form-data; filename="x"', 'x'), end]),
      ],
      ['headers that never end', TYPE, Buffer.from(`--edge\r\n${'X-Header: x\r\n'.repeat(1000)}`)],
    ])('with %s is malformed', async (_, type, body) => {
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
    ])('has to be a plain form, and %s %j is not', async (type, headers) => {
      const answer = await put(Buffer.concat([part(FILE, red), end]), type, headers)
      if (type === 'application/json') expectProblem(answer, 'malformed_request')
      else expectProblem(answer, 'unsupported_media_type')
    })

    test('that is longer than any picture is refused, announced or not, before it is whole', async () => {
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

    test('that breaks off leaves nothing, and the next one is taken', async () => {
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

  test('needs a session, before anything of it is read', async () => {
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

  test('too many in a row run into a limit of the person alone', async () => {
    service.clock.stop()
    for (let n = 0; n < 20; n += 1) expectProblem(await send(Buffer.from('x')), 'unsupported_picture')
    const limited = await send(red)
    expectProblem(limited, 'too_many_attempts')
    expect(limited.headers.get('retry-after')).toBe('15')
    const other = await signIn(await service.client().register())
    expect((await send(red, other)).status).toBe(200)
  })

  test('of two at once one is shown, and nothing of the other is left', async () => {
    const answers = await Promise.all([send(red), send(blue)])
    expect(answers.map(({ status }) => status)).toEqual([200, 200])
    const shown = await ownUrl()
    const [other = ''] = answers.map(urlOf).filter((url) => url !== shown)
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

test('an upload that takes too long is cut off, and what reads it is told', async () => {
  let wasRead: Promise<unknown> = Promise.resolve()
  const useCases = {
    authenticate: () => Promise.resolve({}),
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
    expectProblem(parseAnswer(await text(socket)), 'request_timeout')
    await expect(wasRead).rejects.toMatchObject({ code: 'malformed_request' })
  } finally {
    app.server.closeAllConnections()
    await app.close()
  }
})
