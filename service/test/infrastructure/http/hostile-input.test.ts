import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  brokenHttp,
  jsonRoutes,
  malformedPaths,
  oddTexts,
  plausibleBody,
  unknownQueries,
  unreadableBodies,
  unservedPaths,
  wrongAuthorizations,
  wrongTypes,
  type JsonRoute,
} from '../../support/hostile-input.ts'
import { exchange, parseResponse, request } from '../../support/raw-exchange.ts'
import { type ApiResponse, type TestUser, type Tokens } from '../../support/test-client.ts'
import { databaseNames, startTestService, type TestService } from '../../support/test-service.ts'
import { expectProblem, expectRefusal } from '../../support/http-expectations.ts'

/** Some routes without a body. They refuse an unreadable body before they change anything. */
const withoutBody = ['POST /v1/tickets', 'POST /sessions/terminate', 'DELETE /v1/sessions/current']

interface OpenApi {
  readonly paths: Record<
    string,
    Record<string, { requestBody?: { content: Record<string, { schema: { $ref: string } }> } }>
  >
  readonly components: { readonly schemas: Record<string, { readonly properties: object }> }
}

/** Each route with its fields. */
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

describe.each(databaseNames)('hostile input, on %s', (database) => {
  let service: TestService
  let person: TestUser
  let tokens: Tokens

  beforeAll(async () => {
    service = await startTestService(database)
    person = await service.client().register()
    await service.operator().put(`/v1/users/${person.id}/roles`, { roles: ['admin'] })
    tokens = await service.client().signIn(person)
  })
  afterAll(() => service.stop())

  const send = async ({ method, path, isInternal = false }: JsonRoute, body: unknown) =>
    asInV1(
      path,
      await (isInternal
        ? service.operator().request(method, path, { body })
        : service.client().request(method, path, { body, token: tokens.access_token })),
    )
  const raw = async (
    { method, path, isInternal = false }: Pick<JsonRoute, 'path' | 'isInternal'> & { method: string },
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
  /** Removes the field that problems of the platform routes have in addition. */
  const asInV1 = (path: string, response: ApiResponse): ApiResponse => {
    if (path.startsWith('/v1/') || response.status < 400) return response
    const { details, ...problem } = response.body as { details: Record<string, string> }
    for (const message of Object.values(details)) expect(message).toMatch(/^[A-Z].*[.]$/)
    return { ...response, body: problem }
  }
  const sized = (body: string | Buffer) => `Content-Length: ${Buffer.byteLength(body)}`
  const JSON_TYPE = 'Content-Type: application/json'

  /** By the address: an odd text may have become the name. */
  const credentials = (): string => JSON.stringify({ username: person.email, password: person.password })

  /** No request failed with an internal error, and the service still works. */
  const expectUnharmed = async () => {
    expect(service.logs.filter(({ event }) => event === 'http.failed')).toEqual([])
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
    const me = await service.client().get('/v1/users/me', tokens.access_token)
    // An odd text may be a valid new name. All other fields need the password.
    expect(me.body).toMatchObject({ id: person.id, email: person.email })
    // Another user each time: sign-ins of one user are limited.
    const another = await service.client().register()
    await service.client().signIn({ ...another, username: another.email }, { device_id: 'a-device' })
  }

  describe.each(jsonRoutes)('$method $path', (route) => {
    const endpoint = `${route.method} ${route.path}`
    const isList = (field: string): boolean => route.lists?.includes(field) ?? false
    const valid = () => plausibleBody(route)

    test.each(wrongTypes)(
      `${endpoint} refuses $value in each field and names the field`,
      async ({ value }) => {
        const isListed = (field: string) => Array.isArray(value) && isList(field)
        for (const field of route.fields.filter((name) => !isListed(name))) {
          const response = await send(route, { ...valid(), [field]: value })
          const { errors } = response.body as { errors: object[] }
          expectProblem(response, 'validation_failed', { errors })
          // A number where one is expected has the right type, but is out of range.
          const isNumber = route.numbers?.includes(field) === true && Number.isInteger(value)
          const code = isNumber ? 'invalid_format' : 'invalid_type'
          expect(errors).toEqual([expect.objectContaining({ field, code })])
        }
        await expectUnharmed()
      },
    )

    for (const field of route.lists ?? []) {
      test(`${endpoint} refuses invalid items in the list ${field}`, async () => {
        const values = [...wrongTypes.map(({ value }) => value), ...oddTexts]
        // Any short word is a valid name of a role.
        const wrong = values.filter((value) => !(typeof value === 'string' && /^\w*$/.test(value)))
        for (const value of wrong) {
          const response = await send(route, { ...valid(), [field]: [value] })
          const { errors } = response.body as { errors: { field: string }[] }
          expectProblem(response, 'validation_failed', { errors })
          for (const error of errors) expect(`${error.field}.`).toMatch(new RegExp(`^${field}\\.`))
        }
        await expectUnharmed()
      })
    }

    test(`${endpoint} accepts or refuses odd text in each field without an internal error`, async () => {
      for (const field of route.fields) {
        for (const text of oddTexts) {
          const response = await send(route, { ...valid(), [field]: text })
          if (response.status >= 400) expectRefusal(response)
        }
      }
      await expectUnharmed()
    })

    test.each(['null', '[]', '[{}]', '""', '"text"', '0', 'true', '{}'])(
      `${endpoint} refuses the body %s`,
      async (body) => {
        const response = await send(route, body)
        // An update without changes is valid.
        if (route.method === 'PATCH' && body === '{}') expect(response.status).toBe(200)
        else expectRefusal(response)
      },
    )

    test.each(unreadableBodies)(
      `${endpoint} refuses the unreadable body %j as malformed or missing`,
      async (body) => {
        const response = await raw(route, [], body)
        expectRefusal(response)
        const whenMissing = route.isBodyOptional === true ? 404 : 422
        expect(response.status).toBe(body === '' ? whenMissing : 400)
      },
    )

    test(`${endpoint} cannot be used for prototype pollution`, async () => {
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
        const response = await send(route, body)
        if (response.status >= 400) expectRefusal(response)
      }
      await expectUnharmed()
    })

    test(`${endpoint} survives deeply nested JSON`, async () => {
      const deep = (open: string, close: string, depth: number) => open.repeat(depth) + close.repeat(depth)
      expectRefusal(await raw(route, [], deep('[', ']', 8000)))
      const response = await raw(route, [], `{"x":${deep('{"a":', '}', 2500).replace('}', '1}')}}`)
      if (response.status >= 400) expectRefusal(response)
      await expectUnharmed()
    })

    test(`${endpoint} accepts only uncompressed JSON in UTF-8`, async () => {
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
        const response = await raw(route, [`Content-Type: ${type}`, sized(body)], body)
        expectProblem(response, 'unsupported_media_type')
      }
      expectProblem(await raw(route, [sized(body)], body), 'unsupported_media_type')
      for (const encoding of ['gzip', 'br', 'deflate', 'gzip, gzip', 'nonsense', '']) {
        const packed = encoding === 'gzip' ? gzipSync(body) : body
        const response = await raw(route, [JSON_TYPE, `Content-Encoding: ${encoding}`, sized(packed)], packed)
        expectProblem(response, 'unsupported_media_type')
      }
      for (const type of ['application/json;charset=utf-8', 'APPLICATION/JSON', 'application/json; x="y"']) {
        const response = await raw(route, [`Content-Type: ${type}`, sized('{"a":')], '{"a":')
        expectProblem(response, 'malformed_request')
      }
    })

    test(`${endpoint} refuses invalid UTF-8, chunked or not`, async () => {
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

    test(`${endpoint} refuses a body that is too large, announced or not`, { tags: ['HTTP-4'] }, async () => {
      const large = `{"x":"${'x'.repeat((route.kibibytes ?? 16) * 1024)}"}`
      expectProblem(await raw(route, [], large), 'payload_too_large')
      expectProblem(
        await raw(route, [JSON_TYPE, 'Transfer-Encoding: chunked'], chunked(Buffer.from(large))),
        'payload_too_large',
      )
      expectProblem(await raw(route, [JSON_TYPE, 'Content-Length: 99999999999'], '{'), 'payload_too_large')
      await expectUnharmed()
    })

    test(`${endpoint} responds to random JSON without an internal error`, async () => {
      const word = fc.constantFrom(...route.fields, '__proto__', 'constructor', 'id', 'roles')
      const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(...oddTexts))
      const value = fc.oneof({ weight: 4, arbitrary: text }, { weight: 1, arbitrary: fc.jsonValue() })
      const body = fc.oneof(fc.dictionary(word, value, { maxKeys: 6 }), fc.jsonValue())
      await fc.assert(
        fc.asyncProperty(body, async (generated) => {
          const response = await send(route, JSON.stringify(generated))
          if (response.status >= 400) expectRefusal(response)
        }),
        { numRuns: 60 },
      )
      await expectUnharmed()
    })
  })

  test.each(withoutBody)(
    '%s refuses an unreadable body before it changes anything',
    { tags: ['HTTP-21'] },
    async (route) => {
      const [method = '', path = ''] = route.split(' ')
      const to = { method, path }
      expectProblem(await raw(to, [], '{'), 'malformed_request')
      expectProblem(await raw(to, [], '{"__proto__":1}'), 'malformed_request')
      expectProblem(await raw(to, [], `"${'x'.repeat(17_000)}"`), 'payload_too_large')
      expectProblem(
        await raw(to, ['Content-Type: text/xml', sized('<x/>')], '<x/>'),
        'unsupported_media_type',
      )
      await expectUnharmed()
    },
  )

  test('the list of tested JSON routes is complete', { tags: ['HTTP-21'] }, async () => {
    for (const isInternal of [false, true]) {
      const { body } = await (isInternal ? service.operator() : service.client()).get('/openapi.json')
      const own = jsonRoutes.filter((route) => (route.isInternal ?? false) === isInternal)
      const listed = own.map(
        ({ method, path, fields }) => `${method} ${path.replace('999999999', '{id}')} ${fields.join()}`,
      )
      expect(listed.toSorted()).toEqual(routesWithJson(body as OpenApi).toSorted())
    }
  })

  const chunked = (body: Buffer): Buffer =>
    Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from('\r\n0\r\n\r\n')])

  test('a byte order mark before JSON is ignored', async () => {
    const response = await raw(jsonRoutes[2] as JsonRoute, [], '\ufeff{"refresh_token":"x"}')
    expectProblem(response, 'invalid_refresh_token')
  })

  test('of a duplicate key in JSON the last one counts', async () => {
    const { email, password } = person
    const body = `{"username":"nobody at all","password":"wrong","username":"${email}","password":"${password}"}`
    expect((await raw(jsonRoutes[1] as JsonRoute, [], body)).status).toBe(201)
  })

  test('a sign-in of 1 MiB is refused as too large', async () => {
    const response = await exchange(
      service.url,
      request('POST /v1/sessions', [JSON_TYPE, 'Content-Length: 1048576'], 'x'),
    )
    expectProblem(response, 'payload_too_large')
  })

  describe('the Authorization header', () => {
    test('an Authorization header that is not a valid bearer token is 401', async () => {
      for (const authorization of wrongAuthorizations(person, tokens)) {
        const response = await exchange(
          service.url,
          request('GET /v1/users/me', [`Authorization: ${authorization}`]),
        )
        expectProblem(response, 'invalid_access_token')
      }
    })

    test('the Bearer scheme is accepted in any case', async () => {
      for (const scheme of ['bearer', 'BEARER', 'Bearer ']) {
        const response = await exchange(
          service.url,
          request('GET /v1/users/me', [`Authorization: ${scheme} ${tokens.access_token}`]),
        )
        expect(response.status).toBe(200)
      }
    })

    test('an access token is accepted only in the Authorization header', async () => {
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

    test.each(malformedPaths)('the path %s is malformed', async (path) => {
      expectProblem(await get(path), 'malformed_request')
    })

    test.each(unservedPaths)('the path %s is not served', async (path) => {
      const response = await get(path)
      expectRefusal(response)
      expect(response.status).toBeOneOf(path.startsWith('/docs/static') ? [400, 404] : [404])
    })

    test('unknown query strings are ignored', async () => {
      for (const query of unknownQueries) {
        const response = await get(`/v1/users/me${query}`)
        expect([response.status, response.body]).toEqual([200, expect.objectContaining({ id: person.id })])
      }
    })

    test('a path that is too long is refused like a header that is too large', async () => {
      expectProblem(await get(`/v1/users/${'1'.repeat(17_000)}`), 'header_too_large')
      expectProblem(await get(`/v1/users/${'1'.repeat(15_000)}`), 'user_not_found')
    })
  })

  describe('broken HTTP', () => {
    const expectMalformed = (response: ApiResponse) => {
      expectProblem(response, 'malformed_request')
      expect(response.headers.get('connection')).toBe('close')
      expect(Date.parse(response.headers.get('date') ?? '')).not.toBeNaN()
    }
    const post = 'POST /v1/sessions HTTP/1.1\r\nHost: x\r\n'

    test.each(brokenHttp)('a request with broken HTTP is malformed: %s', async (_, bytes) => {
      expectMalformed(await exchange(service.url, bytes))
    })

    test.each([
      ['no host', []],
      ['two hosts', ['Host: a', 'Host: b']],
      ['the same host twice', ['Host: a', 'host: a']],
    ])('a request with %s is malformed on any route', { tags: ['HTTP-22'] }, async (_, hosts) => {
      const lines = ['/health/live', '/v1/users/me', '/nowhere'].map((path) => `GET ${path} HTTP/1.1`)
      for (const line of [...lines, 'POST /v1/sessions HTTP/1.1', 'PROPFIND / HTTP/1.1']) {
        const bytes = [line, ...hosts, 'Connection: close', '', ''].join('\r\n')
        expectProblem(await exchange(service.url, bytes), 'malformed_request')
      }
    })

    test('an HTTP/1.0 request needs no Host header', async () => {
      expect((await exchange(service.url, 'GET /health/live HTTP/1.0\r\n\r\n')).status).toBe(200)
    })

    test.each(['the-unexpected', '200-ok', ', ,', 'x'.repeat(40)])(
      'the unknown expectation %s is refused',
      { tags: ['HTTP-22'] },
      async (expectation) => {
        const get = request('GET /v1/users/me', [`Expect: ${expectation}`])
        expectProblem(await exchange(service.url, get), 'expectation_failed')
        const body = credentials()
        const headers = [JSON_TYPE, sized(body), `Expect: ${expectation}`]
        expectProblem(
          await exchange(service.url, request('POST /v1/sessions', headers, body)),
          'expectation_failed',
        )
      },
    )

    test('a request with Expect: 100-continue gets 100 Continue', async () => {
      const body = credentials()
      const socket = connect(Number(new URL(service.url).port), '127.0.0.1')
      socket.write(request('POST /v1/sessions', [JSON_TYPE, sized(body), 'Expect: 100-continue']))
      const [first] = (await once(socket, 'data')) as [Buffer]
      expect(first.toString()).toBe('HTTP/1.1 100 Continue\r\n\r\n')
      socket.write(body)
      expect(parseResponse(await text(socket)).status).toBe(201)
    })

    test('headers that are too large or too many are 431', { tags: ['HTTP-4'] }, async () => {
      expectProblem(
        await exchange(service.url, request('GET /', [`X: ${'x'.repeat(17_000)}`])),
        'header_too_large',
      )
      const many = Array.from({ length: 2000 }, (_, at) => `X-${at}: ${at}`)
      expectProblem(await exchange(service.url, request('GET /', many)), 'header_too_large')
    })

    test('a request whose body breaks off does not harm the service', async () => {
      const socket = connect(Number(new URL(service.url).port), '127.0.0.1')
      socket.end(`${post}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"user`)
      await text(socket)
      await expectUnharmed()
    })
  })

  test('an error response never contains the password', async () => {
    const { username } = person
    const secret = 'a very secret thing to say'
    const responses = [
      await service.client().post('/v1/sessions', { username, password: secret }),
      await service.client().post('/v1/users', { username, password: secret, email: 'x' }),
      await service.client().post('/v1/sessions', `{"password":"${secret}"`),
      await service.client().post('/v1/sessions', { username: [secret], password: secret }),
      await service.client().get(`/v1/users/${encodeURIComponent(secret)}`),
      await service.client().get(`/${encodeURIComponent(secret)}`),
    ]
    for (const response of responses) {
      expectRefusal(response)
      expect(JSON.stringify([response.body, ...response.headers])).not.toMatch(/secret thing/)
    }
  })
})
