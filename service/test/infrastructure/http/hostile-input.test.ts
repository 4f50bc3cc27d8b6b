import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { exchange, parseAnswer, request } from '../support/raw-exchange.ts'
import { newPerson, type Answer, type Person, type Tokens } from '../support/test-client.ts'
import { databaseNames, startTestService, type TestService } from '../support/test-service.ts'
import { expectProblem, expectRefusal } from './expectations.ts'

interface Route {
  readonly method: 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly fields: readonly string[]
  /** Those of the fields that are lists; the others are text. */
  readonly lists?: readonly string[]
  readonly isInternal?: boolean
  readonly takesForms?: boolean
  /** 16 unless it says so. */
  readonly kibibytes?: number
}

/** Every route that takes JSON; a test holds the list against the documentation. */
const routes: readonly Route[] = [
  { method: 'POST', path: '/v1/users', fields: ['username', 'email', 'password'] },
  { method: 'POST', path: '/v1/sessions', fields: ['username', 'password', 'device_id', 'device_name'] },
  { method: 'POST', path: '/v1/sessions/refresh', fields: ['refresh_token'] },
  { method: 'PATCH', path: '/v1/users/me', fields: ['username', 'email', 'current_password'] },
  { method: 'PUT', path: '/v1/users/me/password', fields: ['current_password', 'new_password'] },
  { method: 'DELETE', path: '/v1/users/me', fields: ['current_password'] },
  { method: 'POST', path: '/users', fields: ['username', 'email', 'password'] },
  { method: 'POST', path: '/sessions', fields: ['username', 'password'] },
  { method: 'POST', path: '/sessions/refresh', fields: ['refresh_token'] },
  { method: 'PATCH', path: '/users/update', fields: ['username', 'email', 'current_password'] },
  ...(
    [
      {
        method: 'POST',
        path: '/users/get-users-info',
        fields: ['user_ids'],
        lists: ['user_ids'],
        kibibytes: 32,
      },
      { method: 'POST', path: '/v1/introspect', fields: ['token'], takesForms: true },
      { method: 'POST', path: '/v1/outbox/replay', fields: ['consumer'] },
      { method: 'POST', path: '/v1/receipts', fields: ['items'], lists: ['items'], kibibytes: 256 },
      { method: 'POST', path: '/v1/tickets/redeem', fields: ['ticket', 'origin'] },
      { method: 'POST', path: '/v1/users/lookup', fields: ['ids'], lists: ['ids'], kibibytes: 32 },
      { method: 'POST', path: '/v1/users/999999999/disable', fields: ['reason'] },
      { method: 'PUT', path: '/v1/users/999999999/roles', fields: ['roles'], lists: ['roles'] },
    ] as const
  ).map((route) => ({ ...route, isInternal: true })),
]

/** Some of those that take none. Whatever comes along, they do their work or refuse it, and nothing in between. */
const withoutBody = ['POST /v1/tickets', 'POST /sessions/terminate', 'DELETE /v1/sessions/current']

interface OpenApi {
  readonly paths: Record<
    string,
    Record<string, { requestBody?: { content: Record<string, { schema: { $ref: string } }> } }>
  >
  readonly components: { readonly schemas: Record<string, { readonly properties: object }> }
}

/** Each with its fields. */
const routesWithJson = ({ paths, components }: OpenApi): string[] =>
  Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).flatMap(([method, { requestBody }]) => {
      const name = requestBody?.content['application/json']?.schema.$ref.split('/').at(-1) ?? ''
      const schema = components.schemas[name]
      return schema === undefined
        ? []
        : [`${method.toUpperCase()} ${path} ${Object.keys(schema.properties).join()}`]
    }),
  )

const wrongTypes = (
  [
    null,
    true,
    0,
    -1.5,
    1e308,
    [],
    ['x'],
    [[]],
    {},
    { length: 5 },
    { toString: 'x' },
    { $ne: '' },
  ] as unknown[]
).map((value) => ({ value }))
const oddTexts = [
  ...[
    '',
    ' ',
    '\u0000',
    'a\u0000b@example.org',
    '\ud800',
    '\udfff\ud800',
    '\uffff\ufffe',
    '\u202e',
    '\u200b'.repeat(50),
  ],
  ...[
    "' or 1=1 --",
    '$1',
    '%s%n',
    '${7*7}',
    '{{7*7}}',
    '../../etc/passwd',
    '<script>',
    '\r\nX-Injected: 1',
    '\\u0000',
  ],
  ...[
    'İ'.repeat(200),
    'ﷺ'.repeat(200),
    'e' + '\u0301'.repeat(500),
    '🏳️‍🌈'.repeat(50),
    '@'.repeat(400),
    `${'a.'.repeat(120)}@x.org`,
  ],
  ...['x'.repeat(1000), 'x'.repeat(5000), '9'.repeat(500), 'NaN', 'null', '__proto__', 'constructor'],
]

describe.each(databaseNames)('hostile input, on %s', (database) => {
  let service: TestService
  let person: Person
  let tokens: Tokens

  beforeAll(async () => {
    service = await startTestService(database)
    person = await service.client().register()
    tokens = await service.client().signIn(person)
  })
  afterAll(() => service.stop())

  const send = async ({ method, path, isInternal = false }: Route, body: unknown) =>
    asInV1(
      path,
      await (isInternal
        ? service.operator().request(method, path, { body })
        : service.client().request(method, path, { body, token: tokens.access_token })),
    )
  const raw = async (
    { method, path, isInternal = false }: Pick<Route, 'path' | 'isInternal'> & { method: string },
    headers: readonly string[],
    body: string | Buffer,
  ) => {
    const [url, token] = isInternal
      ? [service.internalUrl, service.serviceKey]
      : [service.url, tokens.access_token]
    const own = ['Content-Type', 'Content-Length', 'Transfer-Encoding'].some((name) =>
      headers.join().includes(name),
    )
    const usual = own ? [] : ['Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`]
    const sent = request(`${method} ${path}`, [...usual, ...headers, `Authorization: Bearer ${token}`], body)
    return asInV1(path, await exchange(url, sent))
  }
  /** The older routes say more about a refusal. */
  const asInV1 = (path: string, answer: Answer): Answer => {
    if (path.startsWith('/v1/') || answer.status < 400) return answer
    const { details, ...problem } = answer.body as { details: Record<string, string> }
    for (const message of Object.values(details)) expect(message).toMatch(/^[A-Z].*[.]$/)
    return { ...answer, body: problem }
  }
  const sized = (body: string | Buffer) => `Content-Length: ${Buffer.byteLength(body)}`
  const JSON_TYPE = 'Content-Type: application/json'

  /** Nothing failed inside, and it goes on. */
  const expectUnharmed = async () => {
    expect(service.logs.filter(({ event }) => event === 'http.failed')).toEqual([])
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
    const me = await service.client().get('/v1/users/me', tokens.access_token)
    // A name made of odd words is one; anything else is not changed without the password.
    expect(me.body).toMatchObject({ id: person.id, email: person.email })
    await service.client().signIn({ ...person, username: person.email }, { device_id: 'same-each-time' })
  }

  describe.each(routes)('$method $path', (route) => {
    const isList = (field: string): boolean => route.lists?.includes(field) ?? false
    const valid = (): Record<string, unknown> => {
      const { username, email, password } = newPerson()
      const all = {
        username,
        email,
        password,
        device_id: 'd',
        device_name: 'n',
        refresh_token: 'r',
        reason: 'Spam',
      }
      const more = {
        token: 'x',
        ticket: 'x',
        origin: 'x',
        consumer: 'x',
        items: [],
        ids: [1],
        user_ids: [1],
        roles: [],
      }
      const body = { ...all, ...more, current_password: 'wrong', new_password: password }
      return Object.fromEntries(Object.entries(body).filter(([name]) => route.fields.includes(name)))
    }

    test.each(wrongTypes)('refuses $value in each field by name', async ({ value }) => {
      const isListed = (field: string) => Array.isArray(value) && isList(field)
      for (const field of route.fields.filter((name) => !isListed(name))) {
        const answer = await send(route, { ...valid(), [field]: value })
        const { errors } = answer.body as { errors: object[] }
        expectProblem(answer, 'validation_failed', { errors })
        expect(errors).toEqual([expect.objectContaining({ field, code: 'invalid_type' })])
      }
      await expectUnharmed()
    })

    for (const field of route.lists ?? []) {
      test(`refuses the list ${field} with anything else in it`, async () => {
        const values = [...wrongTypes.map(({ value }) => value), ...oddTexts]
        // Any small word is the name of a role.
        const wrong = values.filter((value) => !(typeof value === 'string' && /^\w*$/.test(value)))
        for (const value of wrong) {
          const answer = await send(route, { ...valid(), [field]: [value] })
          const { errors } = answer.body as { errors: { field: string }[] }
          expectProblem(answer, 'validation_failed', { errors })
          for (const error of errors) expect(`${error.field}.`).toMatch(new RegExp(`^${field}\\.`))
        }
        await expectUnharmed()
      })
    }

    test('takes odd texts in each field for what they are', async () => {
      for (const field of route.fields) {
        for (const text of oddTexts) {
          const answer = await send(route, { ...valid(), [field]: text })
          if (answer.status >= 400) expectRefusal(answer)
        }
      }
      await expectUnharmed()
    })

    test.each(['null', '[]', '[{}]', '""', '"text"', '0', 'true', '{}'])(
      'refuses the body %s',
      async (body) => {
        const answer = await send(route, body)
        // An update of nothing is one.
        if (route.method === 'PATCH' && body === '{}') expect(answer.status).toBe(200)
        else expectRefusal(answer)
      },
    )

    test.each([
      ...[
        '',
        ' ',
        '{',
        '}',
        '{"a":}',
        "{'a':1}",
        '{"a":1,}',
        '{a:1}',
        'undefined',
        'NaN',
        '{"a":01}',
        '\u0000',
        '{}{}',
        '{} x',
      ],
      ...['{"username":"\\x"}', '{"username":"\\ud8"}', '{"a":"\n"}', 'a=b', '<xml/>', '['.repeat(8000)],
    ])('answers the unreadable body %j as malformed or missing', async (body) => {
      const answer = await raw(route, [], body)
      expectRefusal(answer)
      expect(answer.status).toBe(body === '' ? 422 : 400)
    })

    test('cannot be made to change prototypes', async () => {
      const bodies = [
        '{"__proto__":{"polluted":1}}',
        '{"constructor":{"prototype":{"polluted":1}}}',
        '{"\\u005f_proto__":{"polluted":1}}',
        '{"username":{"__proto__":{"polluted":1}}}',
        '{"x":[{"__proto__":{"polluted":1}}]}',
      ]
      for (const body of bodies) expectProblem(await send(route, body), 'malformed_request')
      for (const body of [
        '{"constructor":1}',
        '{"prototype":{"polluted":1}}',
        '{"hasOwnProperty":1,"toString":1}',
      ]) {
        const answer = await send(route, body)
        if (answer.status >= 400) expectRefusal(answer)
      }
      await expectUnharmed()
    })

    test('bears deep nesting', async () => {
      const deep = (open: string, close: string, depth: number) => open.repeat(depth) + close.repeat(depth)
      expectRefusal(await raw(route, [], deep('[', ']', 8000)))
      const answer = await raw(route, [], `{"x":${deep('{"a":', '}', 2500).replace('}', '1}')}}`)
      if (answer.status >= 400) expectRefusal(answer)
      await expectUnharmed()
    })

    test('takes JSON in plain UTF-8 alone', async () => {
      const body = JSON.stringify(valid())
      const types = [
        'text/plain',
        'text/json',
        'application/x-www-form-urlencoded',
        'multipart/form-data; boundary=x',
        'application/xml',
        'application/jsonp',
        'application/problem+json',
        'nonsense',
        '/',
        ' ',
      ].filter((type) => !(route.takesForms === true && type.endsWith('urlencoded')))
      for (const type of types) {
        const answer = await raw(route, [`Content-Type: ${type}`, sized(body)], body)
        expectProblem(answer, 'unsupported_media_type')
      }
      expectProblem(await raw(route, [sized(body)], body), 'unsupported_media_type')
      for (const encoding of ['gzip', 'br', 'deflate', 'gzip, gzip', 'nonsense', '']) {
        const packed = encoding === 'gzip' ? gzipSync(body) : body
        const answer = await raw(route, [JSON_TYPE, `Content-Encoding: ${encoding}`, sized(packed)], packed)
        expectProblem(answer, 'unsupported_media_type')
      }
      for (const type of ['application/json;charset=utf-8', 'APPLICATION/JSON', 'application/json; x="y"']) {
        const answer = await raw(route, [`Content-Type: ${type}`, sized('{"a":')], '{"a":')
        expectProblem(answer, 'malformed_request')
      }
    })

    test('refuses bytes that are no UTF-8, however they are sent', async () => {
      const broken = [[0xff], [0xc3], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80]]
      for (const bytes of broken) {
        const field = route.fields[0] ?? ''
        const body = Buffer.concat([Buffer.from(`{"${field}":"`), Buffer.from(bytes), Buffer.from('"}')])
        expectProblem(await raw(route, [], body), 'malformed_request')
        expectProblem(
          await raw(route, [JSON_TYPE, 'Transfer-Encoding: chunked'], chunked(body)),
          'malformed_request',
        )
      }
      const utf16 = Buffer.from('\ufeff{}', 'utf16le')
      expectProblem(await raw(route, [], utf16), 'malformed_request')
    })

    test('refuses a body that is too large, announced or not', async () => {
      const large = `{"x":"${'x'.repeat((route.kibibytes ?? 16) * 1024)}"}`
      expectProblem(await raw(route, [], large), 'payload_too_large')
      expectProblem(
        await raw(route, [JSON_TYPE, 'Transfer-Encoding: chunked'], chunked(Buffer.from(large))),
        'payload_too_large',
      )
      expectProblem(await raw(route, [JSON_TYPE, 'Content-Length: 99999999999'], '{'), 'payload_too_large')
      await expectUnharmed()
    })

    test('answers any JSON at all without a fault', async () => {
      const word = fc.constantFrom(...route.fields, '__proto__', 'constructor', 'id', 'roles')
      const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(...oddTexts))
      const value = fc.oneof({ weight: 4, arbitrary: text }, { weight: 1, arbitrary: fc.jsonValue() })
      const body = fc.oneof(fc.dictionary(word, value, { maxKeys: 6 }), fc.jsonValue())
      await fc.assert(
        fc.asyncProperty(body, async (generated) => {
          const answer = await send(route, JSON.stringify(generated))
          if (answer.status >= 400) expectRefusal(answer)
        }),
        { numRuns: 60 },
      )
      await expectUnharmed()
    })
  })

  test.each(withoutBody)('%s refuses a body that cannot be read before it does anything', async (route) => {
    const [method = '', path = ''] = route.split(' ')
    const to = { method, path }
    expectProblem(await raw(to, [], '{'), 'malformed_request')
    expectProblem(await raw(to, [], '{"__proto__":1}'), 'malformed_request')
    expectProblem(await raw(to, [], `"${'x'.repeat(17_000)}"`), 'payload_too_large')
    expectProblem(await raw(to, ['Content-Type: text/xml', sized('<x/>')], '<x/>'), 'unsupported_media_type')
    await expectUnharmed()
  })

  test('the list of routes that take JSON is whole', async () => {
    for (const isInternal of [false, true]) {
      const { body } = await (isInternal ? service.operator() : service.client()).get('/openapi.json')
      const own = routes.filter((route) => (route.isInternal ?? false) === isInternal)
      const listed = own.map(
        ({ method, path, fields }) => `${method} ${path.replace('999999999', '{id}')} ${fields.join()}`,
      )
      expect(listed.toSorted()).toEqual(routesWithJson(body as OpenApi).toSorted())
    }
  })

  const chunked = (body: Buffer): Buffer =>
    Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from('\r\n0\r\n\r\n')])

  test('a byte order mark is overlooked', async () => {
    const answer = await raw(routes[2] as Route, [], '\ufeff{"refresh_token":"x"}')
    expectProblem(answer, 'invalid_refresh_token')
  })

  test('of a key that is there twice the last one counts', async () => {
    const { username, password } = person
    const body = `{"username":"nobody at all","password":"wrong","username":"${username}","password":"${password}"}`
    expect((await raw(routes[1] as Route, [], body)).status).toBe(201)
  })

  test('a megabyte in a field is too large', async () => {
    const answer = await exchange(
      service.url,
      request('POST /v1/sessions', [JSON_TYPE, 'Content-Length: 1048576'], 'x'),
    )
    expectProblem(answer, 'payload_too_large')
  })

  describe('Authorization', () => {
    test('in any other shape than a bearer token is 401 as an invalid one', async () => {
      const { access_token: token } = tokens
      const shapes = [
        ...[
          '',
          ' ',
          'Bearer',
          'Bearer ',
          'Bearer  ',
          'Bearer null',
          'Bearer undefined',
          'Bearer {}',
          'Bearer "',
          'Bearer .',
          'Bearer ..',
          'Bearer ...',
        ],
        ...[
          token,
          `Token ${token}`,
          `Basic ${Buffer.from(`${person.username}:${person.password}`).toString('base64')}`,
        ],
        ...[
          `Bearer${token}`,
          `Bearer\t${token}`,
          `Bearer ${token},${token}`,
          `Bearer ${token} ${token}`,
          `Bearer ${token}, Bearer ${token}`,
        ],
        ...[
          `Bearer ${token}=`,
          `Bearer ${token}.`,
          `Bearer .${token}`,
          `Bearer ${token.slice(0, -1)}`,
          `Bearer ${token.toLowerCase()}`,
        ],
        ...[
          `Bearer ${token.split('.').slice(0, 2).join('.')}`,
          `Bearer ${token.split('.').slice(0, 2).join('.')}.`,
        ],
        ...[
          `Bearer ${'a'.repeat(5000)}`,
          `Bearer ${'a.'.repeat(2000)}a`,
          'Bearer \u00ff\u00fe',
          `Digest username="${person.username}"`,
        ],
        `Bearer ${unsigned({ alg: 'none' })}`,
        `Bearer ${unsigned({ alg: 'NoNe', typ: 'at+jwt' })}`,
        `Bearer ${unsigned({ alg: 'HS256', typ: 'at+jwt' })}`,
        `Bearer ${tokens.refresh_token}`,
      ]
      for (const authorization of shapes) {
        const answer = await exchange(
          service.url,
          request('GET /v1/users/me', [`Authorization: ${authorization}`]),
        )
        expectProblem(answer, 'invalid_access_token')
      }
    })

    const unsigned = (header: object): string => {
      const claims = tokens.access_token.split('.')[1] ?? ''
      return `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${claims}.`
    }

    test('may have its scheme in any case', async () => {
      for (const scheme of ['bearer', 'BEARER', 'Bearer ']) {
        const answer = await exchange(
          service.url,
          request('GET /v1/users/me', [`Authorization: ${scheme} ${tokens.access_token}`]),
        )
        expect(answer.status).toBe(200)
      }
    })

    test('is the only place for an access token', async () => {
      const { access_token: token } = tokens
      const places = [
        request(`GET /v1/users/me?access_token=${token}`),
        request('GET /v1/users/me', [`Cookie: access_token=${token}; token=${token}`]),
        request('GET /v1/users/me', [`X-Access-Token: ${token}`, `Proxy-Authorization: Bearer ${token}`]),
        request('GET /v1/users/me', [`X-Authorization: Bearer ${token}`]),
      ]
      for (const place of places) expectProblem(await exchange(service.url, place), 'authentication_required')
    })
  })

  describe('paths', () => {
    const get = (path: string) =>
      exchange(service.url, request(`GET ${path}`, [`Authorization: Bearer ${tokens.access_token}`]))

    test.each([
      '/v1/users/%',
      '/v1/users/%zz',
      '/v1/users/%c3%28',
      '/%',
      '/v1/%ff/me',
      '/docs/static/%',
      '/errors/%e0%a4%a',
    ])('%s is malformed', async (path) => {
      expectProblem(await get(path), 'malformed_request')
    })

    test.each([
      ...[
        '/v1',
        '/v1/',
        '/v1/users/me/',
        '//v1/users/me',
        '/v1//users/me',
        '/V1/users/me',
        '/v1/users/me/..',
        '/v1/../v1/users/me',
      ],
      ...[
        '/v1/users%2fme',
        '/v1%2fusers/me',
        '/v1/users/me%00/x',
        '/.env',
        '/.git/config',
        '/v2/users/me',
        '/v1/users/me;x=1',
        '/metrics',
      ],
      ...[
        '/media/avatars/../../package.json',
        '/media/avatars/%2e%2e%2fpackage.json',
        '/docs/static/../../package.json',
        '/docs/static/%2e%2e%2f%2e%2e%2fpackage.json',
      ],
      ...['*', '/constructor', '/__proto__'],
    ])('nothing is served under %s', async (path) => {
      const answer = await get(path)
      expectRefusal(answer)
      expect(answer.status).toBeOneOf(path.startsWith('/docs/static') ? [400, 404] : [404])
    })

    test('queries nobody asked for are ignored', async () => {
      const queries = [
        '?',
        '??',
        '?a=1&a=2',
        '?__proto__[x]=1',
        '?%00=%00',
        '?%zz',
        `?${'x'.repeat(5000)}`,
        '?id=1&user_id=1',
        '#x',
      ]
      for (const query of queries) {
        const answer = await get(`/v1/users/me${query}`)
        expect([answer.status, answer.body]).toEqual([200, expect.objectContaining({ id: person.id })])
      }
    })

    test('a path that is too long is a header that is too large', async () => {
      expectProblem(await get(`/v1/users/${'1'.repeat(17_000)}`), 'header_too_large')
      expectProblem(await get(`/v1/users/${'1'.repeat(15_000)}`), 'user_not_found')
    })
  })

  describe('broken HTTP', () => {
    const expectMalformed = (answer: Answer) => {
      expectProblem(answer, 'malformed_request')
      expect(answer.headers.get('connection')).toBe('close')
      expect(Date.parse(answer.headers.get('date') ?? '')).not.toBeNaN()
    }
    const post = 'POST /v1/sessions HTTP/1.1\r\nHost: x\r\n'

    test.each([
      ['words', 'hello\r\n\r\n'],
      ['a method of its own', 'BREW /pot HTTP/1.1\r\nHost: x\r\n\r\n'],
      ['a method in small letters', 'get / HTTP/1.1\r\nHost: x\r\n\r\n'],
      ['a request line without a path', 'GET HTTP/1.1\r\nHost: x\r\n\r\n'],
      ['HTTP/2 without TLS', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
      ['HTTP/3.0', 'GET / HTTP/3.0\r\nHost: x\r\n\r\n'],
      ['another protocol', 'GET / SPDY/3\r\nHost: x\r\n\r\n'],
      ['a TLS hello', Buffer.from('16030100a5010000a10303', 'hex')],
      ['a header without a name', 'GET / HTTP/1.1\r\n: x\r\n\r\n'],
      ['a header with a space in its name', 'GET / HTTP/1.1\r\nHost : x\r\n\r\n'],
      ['a NUL in a header', 'GET / HTTP/1.1\r\nHost: x\r\nX: a\u0000b\r\n\r\n'],
      ['a line break in the path', 'GET /a\nb HTTP/1.1\r\nHost: x\r\n\r\n'],
      ['a negative length', `${post}Content-Length: -1\r\n\r\n`],
      ['a length in words', `${post}Content-Length: ten\r\n\r\n`],
      ['two lengths', `${post}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`],
      ['both framings', `${post}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
      ['an unknown framing', `${post}Transfer-Encoding: chunked, gzip\r\n\r\n`],
      [
        'a chunk of no size',
        `${post}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`,
      ],
    ])('%s is malformed', async (_, bytes) => {
      expectMalformed(await exchange(service.url, bytes))
    })

    test.each([
      ['no host', []],
      ['two hosts', ['Host: a', 'Host: b']],
      ['the same host twice', ['Host: a', 'host: a']],
    ])('a request with %s is malformed, whatever it asks for', async (_, hosts) => {
      const lines = ['/health/live', '/v1/users/me', '/nowhere'].map((path) => `GET ${path} HTTP/1.1`)
      for (const line of [...lines, 'POST /v1/sessions HTTP/1.1', 'PROPFIND / HTTP/1.1']) {
        const bytes = [line, ...hosts, 'Connection: close', '', ''].join('\r\n')
        expectProblem(await exchange(service.url, bytes), 'malformed_request')
      }
    })

    test('HTTP/1.0 knows no host, and needs none', async () => {
      expect((await exchange(service.url, 'GET /health/live HTTP/1.0\r\n\r\n')).status).toBe(200)
    })

    test.each(['the-unexpected', '200-ok', ', ,', 'x'.repeat(40)])(
      'the expectation %s is not met',
      async (expectation) => {
        const get = request('GET /v1/users/me', [`Expect: ${expectation}`])
        expectProblem(await exchange(service.url, get), 'expectation_failed')
        const body = JSON.stringify({ username: person.username, password: person.password })
        const headers = [JSON_TYPE, sized(body), `Expect: ${expectation}`]
        expectProblem(
          await exchange(service.url, request('POST /v1/sessions', headers, body)),
          'expectation_failed',
        )
      },
    )

    test('the expectation to be told to go on is met', async () => {
      const body = JSON.stringify({ username: person.username, password: person.password })
      const socket = connect(Number(new URL(service.url).port), '127.0.0.1')
      socket.write(request('POST /v1/sessions', [JSON_TYPE, sized(body), 'Expect: 100-continue']))
      const [first] = (await once(socket, 'data')) as [Buffer]
      expect(first.toString()).toBe('HTTP/1.1 100 Continue\r\n\r\n')
      socket.write(body)
      expect(parseAnswer(await text(socket)).status).toBe(201)
    })

    test('headers that are too large, or too many, are 431', async () => {
      expectProblem(
        await exchange(service.url, request('GET /', [`X: ${'x'.repeat(17_000)}`])),
        'header_too_large',
      )
      const many = Array.from({ length: 2000 }, (_, at) => `X-${at}: ${at}`)
      expectProblem(await exchange(service.url, request('GET /', many)), 'header_too_large')
    })

    test('a body that breaks off leaves the service as it was', async () => {
      const socket = connect(Number(new URL(service.url).port), '127.0.0.1')
      socket.end(`${post}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"user`)
      await text(socket)
      await expectUnharmed()
    })
  })

  test('the password is in no answer, whatever the mistake', async () => {
    const { username } = person
    const secret = 'a very secret thing to say'
    const answers = [
      await service.client().post('/v1/sessions', { username, password: secret }),
      await service.client().post('/v1/users', { username, password: secret, email: 'x' }),
      await service.client().post('/v1/sessions', `{"password":"${secret}"`),
      await service.client().post('/v1/sessions', { username: [secret], password: secret }),
      await service.client().get(`/v1/users/${encodeURIComponent(secret)}`),
      await service.client().get(`/${encodeURIComponent(secret)}`),
    ]
    for (const answer of answers) {
      expectRefusal(answer)
      expect(JSON.stringify([answer.body, ...answer.headers])).not.toMatch(/secret thing/)
    }
  })
})
