// Compares the limits and examples in both OpenAPI documents with what the service does.
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { ApiResponse, TestClient, TestUser } from '../../support/test-client.ts'
import { startTestService, type TestService } from '../../support/test-service.ts'

interface Schema {
  readonly $ref?: string
  readonly type?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly examples?: readonly unknown[]
  readonly enum?: readonly unknown[]
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
  readonly maxItems?: number
}
interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query' | 'header'
  readonly schema: Schema
  readonly example?: unknown
}
interface Operation {
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> }
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> }
}

const FORM = 'application/x-www-form-urlencoded'
const documents = Object.fromEntries(
  ['public', 'internal'].map((listener) => {
    const file = listener === 'public' ? 'openapi.json' : 'openapi-internal.json'
    const text = readFileSync(new URL(`../../../../docs/${file}`, import.meta.url), 'utf8')
    return [listener, JSON.parse(text) as Document]
  }),
)

type Values = Readonly<Record<string, unknown>>

/** Operators list users in one of these ways. The cursor of the list is not one of a search. */
const WAYS = ['disabled', 'username', 'email']

/** The values, without the ones that the operation refuses beside `name`. */
const only = (name: string, values: Values): Values => {
  if (!('disabled' in values) || !WAYS.includes(name)) return values
  const others = [...WAYS, ...(name === 'disabled' ? [] : ['cursor'])].filter((other) => other !== name)
  return Object.fromEntries(Object.entries(values).filter(([other]) => !others.includes(other)))
}

/** A call of an operation, with a value for each of its parameters and fields. */
interface Call {
  readonly listener: string
  readonly method: string
  readonly path: string
  readonly contentType: string | undefined
  readonly inPath: Values
  readonly inQuery: Values
  readonly inBody: Values
}

const resolved = (schema: Schema, { components }: Document): Schema =>
  schema.$ref === undefined ? schema : (components.schemas[schema.$ref.split('/').at(-1) ?? ''] ?? {})

const exampleOf = (schema: Schema): unknown => {
  if (schema.examples !== undefined) return schema.examples[0]
  if (schema.enum !== undefined) return schema.enum[0]
  if (schema.items !== undefined) return [exampleOf(schema.items)]
  const properties = Object.entries(schema.properties ?? {})
  return Object.fromEntries(properties.map(([name, property]) => [name, exampleOf(property)]))
}

/** The operations that take values, each with its schemas and a call that uses the examples. */
const operations = Object.entries(documents).flatMap(([listener, document]) =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, { parameters = [], requestBody }]) => {
      const contents = Object.entries(requestBody?.content ?? { '': { schema: {} } })
      return contents
        .filter(([contentType]) => contentType !== 'multipart/form-data' && !path.endsWith('/stream'))
        .map(([contentType, { schema }]) => {
          const given = (place: string) =>
            parameters
              .filter((parameter) => parameter.in === place)
              .map(({ name, schema, example }) => [name, example ?? exampleOf(schema)] as const)
          const body = resolved(schema, document)
          const call: Call = {
            listener,
            method: method.toUpperCase(),
            path,
            contentType: contentType || undefined,
            inPath: Object.fromEntries(given('path')),
            inQuery: only('disabled', Object.fromEntries(given('query'))),
            inBody: exampleOf(body) as Values,
          }
          const query = Object.fromEntries(
            parameters
              .filter((each) => each.in === 'query')
              .map(({ name, schema, example }) => [
                name,
                { ...schema, examples: [example ?? exampleOf(schema)] },
              ]),
          )
          return { call, query, body: body.properties ?? {} }
        })
    }),
  ),
)

/** Different characters outside the Basic Multilingual Plane, each of which is one code point and two UTF-16 units. */
const emoji = (length: number): string =>
  String.fromCodePoint(...Array.from({ length }, (_, at) => 0x1f400 + ((at * 37) % 200)))
const letters = (length: number): string => 'a'.repeat(length)
/** An address of that length, with labels that are short enough. */
const address = (length: number): string => {
  const domain = `${letters(62)}.${letters(62)}.${letters(62)}.org`
  return `${letters(length - domain.length - 1)}@${domain}`
}

/** The example of a cursor in that length: JSON may end in spaces. */
const paddedCursor =
  (example: string) =>
  (length: number): string => {
    const json = Buffer.from(example, 'base64url').toString()
    return Buffer.from(json.padEnd(Math.ceil((length * 3) / 4))).toString('base64url')
  }

/** Everything but a new username, an address, a token and the like may hold any characters. */
const textOf = (field: string, path: string, schema: Schema): ((length: number) => string) => {
  if (field === 'email') return address
  if (field === 'cursor') return paddedCursor(String(exampleOf(schema)))
  if (/password|device_name|reason/.test(field)) return emoji
  return field === 'username' && !/^(\/v1)?\/users(\/me|\/update)?$/.test(path) ? emoji : letters
}

interface Limit {
  readonly field: string
  readonly limit: number
  readonly within: unknown
  readonly beyond: unknown
}

function limitsOf(field: string, schema: Schema, path: string): Limit[] {
  const text = textOf(field, path, schema)
  const { minLength, maxLength, minimum, maximum, exclusiveMinimum, maxItems, items } = schema
  const found: Limit[] = []
  const add = (
    limit: number | undefined,
    within: (at: number) => unknown,
    beyond: (at: number) => unknown,
  ) => {
    if (limit !== undefined) found.push({ field, limit, within: within(limit), beyond: beyond(limit) })
  }
  const same = (at: number) => at
  add(maxLength, text, (at) => text(at + 1))
  add(minLength, text, (at) => text(at - 1))
  add(maximum, same, (at) => at + 1)
  add(minimum, same, (at) => at - 1)
  add(exclusiveMinimum, (at) => at + 1, same)
  if (items === undefined) return found
  const entry = exampleOf(schema) as unknown[]
  const entries = (length: number) => Array.from({ length }, () => entry[0])
  add(maxItems, entries, (at) => entries(at + 1))
  const inside = items.properties === undefined ? [['', items] as const] : Object.entries(items.properties)
  const ofEntries = inside.flatMap(([name, inner]) =>
    limitsOf(name, inner, path).map((limit) => {
      const entryWith = (value: unknown) => [name === '' ? value : { ...(entry[0] as Values), [name]: value }]
      return {
        ...limit,
        field: name === '' ? `${field}.0` : `${field}.0.${name}`,
        within: entryWith(limit.within),
        beyond: entryWith(limit.beyond),
      }
    }),
  )
  return [...found, ...ofEntries]
}

const cases = operations.flatMap(({ call, query, body }) =>
  (['inQuery', 'inBody'] as const).flatMap((place) =>
    Object.entries(place === 'inQuery' ? query : body).flatMap(([name, schema]) =>
      limitsOf(name, schema, call.path).map((limit) => ({
        ...limit,
        title: `${call.method} ${call.path}`,
        kind: call.contentType === FORM ? 'form field' : 'field',
        of: call.listener,
        within: { ...call, [place]: { ...only(name, call[place]), [name]: limit.within } },
        beyond: { ...call, [place]: { ...only(name, call[place]), [name]: limit.beyond } },
        place,
        name,
      })),
    ),
  ),
)

describe('published limits and examples', () => {
  let service: TestService
  beforeAll(async () => {
    service = await startTestService('PostgreSQL')
  })
  afterAll(() => service.stop())

  async function send(call: Call, client: TestClient, token: string | undefined): Promise<ApiResponse> {
    const path = call.path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => String(call.inPath[name]))
    const query = new URLSearchParams(
      Object.entries(call.inQuery).map(([name, value]) => [name, String(value)] as [string, string]),
    ).toString()
    const isForm = call.contentType === FORM
    return client.request(call.method, query === '' ? path : `${path}?${query}`, {
      ...(call.contentType !== undefined && {
        body: isForm ? new URLSearchParams(call.inBody as Record<string, string>).toString() : call.inBody,
      }),
      ...(token !== undefined && { token }),
      ...(isForm && { headers: { 'content-type': FORM } }),
    })
  }

  /** Replaces the examples that cannot be right by those of a new user, except the value under test. */
  const personal = (call: Call, { id, username, password }: TestUser, tested: string): Call => {
    const own: Values = { username, password, current_password: password }
    const isSignIn = /\/sessions$/.test(call.path)
    const replaced = Object.entries(call.inBody)
      .filter(([name]) => name !== tested && (name === 'current_password' || (isSignIn && name in own)))
      .map(([name]) => [name, own[name]] as const)
    return {
      ...call,
      inPath: { ...call.inPath, ...('id' in call.inPath && /users/.test(call.path) && { id }) },
      inBody: { ...call.inBody, ...(Object.fromEntries(replaced) as Values) },
    }
  }

  /** An admin where the call needs one. */
  async function newCaller({ path }: Call): Promise<{ person: TestUser; access_token: string }> {
    const person = await service.client().register()
    if (path.startsWith('/v1/admin/')) {
      await service.operator().put(`/v1/users/${person.id}/roles`, { roles: ['admin'] })
    }
    const { access_token } = await service.client().signIn(person)
    return { person, access_token }
  }

  async function sendAsNewUser(call: Call, tested: string): Promise<ApiResponse> {
    const client = service.client()
    const { person, access_token } = await newCaller(call)
    const mine = personal(call, person, tested)
    return call.listener === 'public'
      ? send(mine, client, access_token)
      : send(mine, service.operator(), undefined)
  }

  /** The domain refuses a list as a whole. */
  const isOf = (field: string, error: { field: string }) =>
    field === error.field || field.startsWith(`${error.field}.`)

  const errorsIn = ({ body }: ApiResponse) =>
    (body as { errors?: { field: string; code: string; message: string }[] } | undefined)?.errors ?? []

  test.each(cases)(
    '$of $title: $kind $field is accepted at its published limit $limit and refused beyond it',
    async ({ field, limit, within, beyond, name }) => {
      const accepted = await sendAsNewUser(within, name)
      expect([
        accepted.status,
        errorsIn(accepted).filter((error) => isOf(field, error) && error.code !== 'incorrect'),
      ]).toEqual([accepted.status, []])
      expect([400, 413, 429, 500]).not.toContain(accepted.status)
      const refused = await sendAsNewUser(beyond, name)
      expect(refused.status).toBe(422)
      const [error] = errorsIn(refused).filter((each) => isOf(field, each))
      // An empty text breaks the limit 1.
      expect(error?.message.replace('empty', '1')).toContain(String(limit))
    },
  )

  test('the published limits cover every kind of field', () => {
    expect(cases.length).toBeGreaterThan(60)
  })

  test.each(operations.map(({ call }) => [call.listener, call.method, call.path, call] as const))(
    'the service accepts the examples of %s %s %s',
    async (_listener, _method, _path, call) => {
      const client = call.listener === 'public' ? service.client() : service.operator()
      const { access_token } = await newCaller(call)
      const response = await send(call, client, call.listener === 'public' ? access_token : undefined)
      const refusals = errorsIn(response).filter(({ code }) => code !== 'incorrect')
      expect([response.status, refusals]).toEqual([response.status, []])
      expect([400, 413, 415, 500]).not.toContain(response.status)
    },
  )

  test.each(Object.keys(documents))('each example in the %s document fits its own schema', (listener) => {
    const document = documents[listener] ?? expect.fail()
    const unfit: string[] = []
    let seen = 0
    const look = (value: unknown, at: string): void => {
      if (typeof value !== 'object' || value === null) return
      const schema = value as Schema & { schema?: Schema; example?: unknown }
      const typed = schema.example === undefined ? schema : (schema.schema ?? {})
      const examples = [
        ...(Array.isArray(schema.examples) ? (schema.examples as unknown[]) : []),
        ...(schema.example === undefined ? [] : [schema.example]),
      ]
      if (examples.length > 0) {
        const validator = z.fromJSONSchema(
          JSON.parse(
            JSON.stringify({ ...typed, $defs: document.components.schemas }).replaceAll(
              '#/components/schemas/',
              '#/$defs/',
            ),
          ) as never,
        )
        for (const example of examples) {
          seen += 1
          if (!validator.safeParse(example).success) unfit.push(`${at}: ${JSON.stringify(example)}`)
        }
      }
      for (const [name, inner] of Object.entries(value))
        if (!/^examples?$/.test(name)) look(inner, `${at}/${name}`)
    }
    look({ paths: document.paths, schemas: document.components.schemas }, '')
    expect(unfit).toEqual([])
    expect(seen).toBeGreaterThan(30)
  })
})
