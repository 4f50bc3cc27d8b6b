import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseEmailAddress } from '../../../src/domain/email-address.ts'
import { parseNewPassword } from '../../../src/domain/password.ts'
import { parseUsername } from '../../../src/domain/username.ts'
import { problemTypes, type ProblemCode } from '../../../src/interface-adapters/http/problem-types.ts'
import { databaseNames, startTestService, type TestService } from '../../support/test-service.ts'

const root = join(import.meta.dirname, '../../../..')

interface Schema {
  readonly $ref?: string
  readonly type?: string
  readonly properties?: Record<string, Schema>
  readonly items?: Schema
  readonly anyOf?: Schema[]
  readonly examples?: unknown[]
  readonly const?: unknown
  readonly enum?: unknown[]
}
interface Operation {
  readonly operationId?: string
  readonly summary?: string
  readonly tags?: string[]
  readonly security?: object[]
  readonly parameters?: { name: string; in: string; required?: boolean; schema: Schema; example?: unknown }[]
  readonly requestBody?: { required?: boolean; content: Record<string, { schema: Schema }> }
  readonly responses: Record<
    string,
    {
      description: string
      content?: Record<string, { schema: Schema; examples?: Record<string, { value: object }> }>
    }
  >
}
interface Document {
  readonly openapi: string
  readonly info: Record<string, unknown>
  readonly servers: { url: string }[]
  readonly paths: Record<string, Record<string, Operation>>
  readonly components: { schemas: Record<string, Schema> }
}

const publicOperations = `
  DELETE /v1/admin/users/{id}/factors
  DELETE /v1/admin/users/{id}/sessions
  DELETE /v1/admin/users/{id}/sessions/{sid}
  GET /v1/admin/audit
  GET /v1/admin/users
  GET /v1/admin/users/{id}
  GET /v1/admin/users/{id}/sessions
  POST /v1/admin/users/{id}/disable
  POST /v1/admin/users/{id}/enable
  PUT /v1/admin/users/{id}/roles
  DELETE /v1/sessions
  DELETE /v1/sessions/current
  DELETE /v1/sessions/{id}
  DELETE /v1/users/me
  DELETE /v1/users/me/avatar
  DELETE /v1/users/me/factors/totp
  GET /.well-known/jwks.json
  GET /.well-known/oauth-authorization-server
  GET /errors/{code}
  GET /health/live
  GET /health/ready
  GET /users/me
  GET /users/search
  GET /v1/sessions
  GET /v1/users
  GET /v1/users/me
  GET /v1/users/me/activity
  GET /v1/users/me/export
  GET /v1/users/me/factors
  GET /v1/users/{id}
  PATCH /users/avatar
  PATCH /users/update
  PATCH /v1/users/me
  POST /sessions
  POST /sessions/refresh
  POST /sessions/terminate
  POST /sessions/terminate-all
  POST /users
  POST /v1/email-changes/undo
  POST /v1/email-verifications
  POST /v1/email-verifications/complete
  POST /v1/password-resets
  POST /v1/password-resets/complete
  POST /v1/sessions
  POST /v1/sessions/challenges/complete
  POST /v1/sessions/current/reauthenticate
  POST /v1/sessions/end-by-link
  POST /v1/sessions/refresh
  POST /v1/tickets
  POST /v1/users
  POST /v1/users/me/factors/totp
  POST /v1/users/me/factors/totp/confirm
  POST /v1/users/me/recovery-codes
  PUT /v1/users/me/avatar
  PUT /v1/users/me/password`
const internalOperations = `
  DELETE /v1/invitations/{id}
  DELETE /v1/sessions
  DELETE /v1/users/{id}/factors
  DELETE /v1/users/{id}/sessions
  DELETE /v1/users/{id}/sessions/{sid}
  GET /.well-known/jwks.json
  GET /.well-known/oauth-authorization-server
  GET /errors/{code}
  GET /health/live
  GET /health/ready
  GET /v1/audit
  GET /v1/doctor
  GET /v1/invitations
  GET /v1/keys
  GET /v1/outbox
  GET /v1/revocations
  GET /v1/revocations/stream
  GET /v1/sessions/count
  GET /v1/users
  GET /v1/users/{id}
  GET /v1/users/{id}/sessions
  POST /users/get-users-info
  GET /v1/check
  POST /v1/introspect
  POST /v1/invitations
  POST /v1/keys/rotate
  POST /v1/outbox/replay
  POST /v1/outbox/tell-messaging
  POST /v1/outbox/{id}/replay
  POST /v1/receipts
  POST /v1/tickets/redeem
  POST /v1/users/lookup
  POST /v1/users/{id}/disable
  POST /v1/users/{id}/enable
  PUT /v1/users/{id}/roles`

describe.each(databaseNames)('the OpenAPI document, on %s', (database) => {
  let service: TestService
  let folder: string

  beforeAll(async () => {
    service = await startTestService(database)
    folder = await mkdtemp(join(tmpdir(), 'chat-auth-openapi-'))
  })
  afterAll(() => Promise.all([service.stop(), rm(folder, { recursive: true })]))

  describe.each([
    ['public', publicOperations],
    ['internal', internalOperations],
  ] as const)('of the %s listener', (listener, expected) => {
    const url = () => (listener === 'public' ? service.url : service.internalUrl)
    const fetchDocument = async () => {
      const response = await fetch(`${url()}/openapi.json`)
      expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8')
      expect(response.headers.get('cache-control')).toBe('public, max-age=300')
      return (await response.json()) as Document
    }
    const operationsOf = ({ paths }: Document) =>
      Object.entries(paths).flatMap(([path, operations]) =>
        Object.entries(operations).map(([method, operation]) => ({
          name: `${method.toUpperCase()} ${path}`,
          operation,
        })),
      )

    test(`the ${listener} document is OpenAPI 3.1 and names its license and server`, async () => {
      const document = await fetchDocument()
      expect(document).toMatchObject({
        openapi: '3.1.0',
        info: { license: { name: 'MIT', identifier: 'MIT' } },
      })
      expect(document.servers).toEqual([{ url: '/' }])
    })

    test(`the ${listener} OpenAPI document describes every route`, async () => {
      const names = operationsOf(await fetchDocument()).map(({ name }) => name)
      expect(names.toSorted()).toEqual(expected.trim().split(/\n */).toSorted())
    })

    test(`each operation of the ${listener} document has a unique id, summary, tag and security`, async () => {
      const operations = operationsOf(await fetchDocument())
      expect(new Set(operations.map(({ operation }) => operation.operationId)).size).toBe(operations.length)
      for (const { name, operation } of operations) {
        expect(operation).toMatchObject({ summary: expect.any(String) as string, tags: [expect.any(String)] })
        const isOpen =
          /^(POST (\/v1)?\/(users|sessions|sessions\/refresh|sessions\/end-by-link|sessions\/challenges\/complete|password-resets(\/complete)?|email-verifications\/complete|email-changes\/undo)|GET \/(\.well|errors|health).*)$/.test(
            name,
          )
        // scopes.test.ts and admin.test.ts compare scopes and roles with those of the routes.
        const scope = expect.stringMatching(/^[a-z:]+$/) as string
        const roles = name.includes(' /v1/admin/') ? [scope] : []
        const key = name === 'GET /v1/check' ? 'serviceKeyHeader' : 'serviceKey'
        const needed = listener === 'public' ? { accessToken: roles } : { [key]: [scope] }
        expect([name, operation.security]).toEqual([name, isOpen ? undefined : [needed]])
      }
    })

    test(
      `on the ${listener} listener only sign-in, refresh, reauthentication and new credentials return tokens`,
      { tags: ['ACCOUNT-4'] },
      async () => {
        const document = await fetchDocument()
        const fieldsOf = ({ schema }: { schema: Schema }) => {
          const { properties } = document.components.schemas[schema.$ref?.split('/').at(-1) ?? ''] ?? schema
          return Object.keys(properties ?? {})
        }
        const returning = operationsOf(document).filter(({ operation }) =>
          Object.values(operation.responses)
            .flatMap(({ content }) => Object.values(content ?? {}))
            .some((body) => /(access|refresh)_token/.test(fieldsOf(body).join())),
        )
        const issuing = [
          '/sessions',
          '/sessions/refresh',
          '/v1/sessions',
          '/v1/sessions/challenges/complete',
          '/v1/sessions/current/reauthenticate',
          '/v1/sessions/refresh',
          '/v1/users/me/factors/totp/confirm',
          '/v1/users/me/recovery-codes',
        ]
        expect(returning.map(({ name }) => name).toSorted()).toEqual(
          listener === 'public'
            ? [
                'DELETE /v1/users/me/factors/totp',
                ...issuing.map((path) => `POST ${path}`),
                'PUT /v1/users/me/password',
              ]
            : [],
        )
      },
    )

    test(`the ${listener} OpenAPI document has an example for every field and parameter`, async () => {
      const document = await fetchDocument()
      const missing: string[] = []
      const look = (schema: Schema, at: string): void => {
        if (schema.$ref !== undefined) {
          look(document.components.schemas[schema.$ref.split('/').at(-1) ?? ''] ?? {}, at)
          return
        }
        if (schema.examples !== undefined || schema.const !== undefined || schema.enum !== undefined) return
        if (schema.properties !== undefined) {
          for (const [name, property] of Object.entries(schema.properties)) look(property, `${at}.${name}`)
        } else if (schema.items !== undefined) look(schema.items, `${at}[]`)
        else if (schema.anyOf !== undefined) for (const option of schema.anyOf) look(option, at)
        else if (schema.type !== 'null') missing.push(at)
      }
      for (const { name, operation } of operationsOf(document)) {
        for (const { name: parameter, schema, example } of operation.parameters ?? []) {
          if (example === undefined) look(schema, `${name} ?${parameter}`)
        }
        for (const { schema } of Object.values(operation.requestBody?.content ?? {}))
          look(schema, `${name} body`)
        for (const [status, { content }] of Object.entries(operation.responses)) {
          const json = content?.['application/json']
          if (json !== undefined) look(json.schema, `${name} ${status}`)
        }
      }
      expect(missing).toEqual([])
    })

    test(`the examples in the ${listener} OpenAPI document pass the rules of the service`, async () => {
      const rules: Record<string, (text: string) => unknown> = {
        username: parseUsername,
        email: parseEmailAddress,
        password: (text) => parseNewPassword(text, 8),
        current_password: (text) => parseNewPassword(text, 8),
        new_password: (text) => parseNewPassword(text, 8),
      }
      const { schemas } = (await fetchDocument()).components
      const properties = Object.values(schemas).flatMap((schema) => Object.entries(schema.properties ?? {}))
      const ruled = properties.filter(([name]) => name in rules)
      for (const [name, { examples = [] }] of ruled) {
        for (const example of examples) expect(() => rules[name]?.(example as string)).not.toThrow()
      }
      if (listener === 'public')
        expect(new Set(ruled.map(([name]) => name))).toEqual(new Set(Object.keys(rules)))
    })

    test(`the example password of the ${listener} document is that of the README, and of no comic`, async () => {
      const text = JSON.stringify(await fetchDocument())
      expect(text).not.toContain('correct horse')
      const readme = await readFile(join(root, 'README.md'), 'utf8')
      const [, password = ''] = /"password":"([^"]+)"/.exec(readme) ?? []
      if (listener === 'public') expect(text).toContain(`"examples":["${password}"]`)
    })

    test(`the ${listener} OpenAPI document has an example for every error, as it is sent`, async () => {
      for (const { operation } of operationsOf(await fetchDocument())) {
        for (const [status, { description, content }] of Object.entries(operation.responses)) {
          const problem = content?.['application/problem+json']
          if (problem === undefined) continue
          const codes = [...description.matchAll(/^`(\w+)`: /gm)].map(([, code]) => code as ProblemCode)
          expect(codes).not.toEqual([])
          expect(Object.keys(problem.examples ?? {})).toEqual(codes)
          for (const code of codes) {
            const { title, advice } = problemTypes[code]
            expect(problem.examples?.[code]?.value).toMatchObject({
              code,
              status: Number(status),
              title,
              detail: advice,
            })
          }
        }
      }
    })

    test(`the ${listener} OpenAPI document passes the linter`, async () => {
      const file = join(folder, `${listener}.json`)
      await writeFile(file, JSON.stringify(await fetchDocument()))
      const cli = fileURLToPath(import.meta.resolve('@redocly/cli/bin/cli.js'))
      const environment = {
        ...process.env,
        REDOCLY_TELEMETRY: 'off',
        REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true',
        CI: 'true',
      }
      const args = [cli, 'lint', file, '--config', join(root, 'redocly.yaml'), '--format', 'json']
      const { stdout } = await promisify(execFile)(process.execPath, args, { env: environment, cwd: root })
      const { totals, problems } = JSON.parse(stdout) as {
        totals: object
        problems: { ruleId: string; message: string }[]
      }
      expect(problems.map(({ ruleId, message }) => `${ruleId}: ${message}`)).toEqual([])
      expect(totals).toMatchObject({ errors: 0, warnings: 0 })
    })

    test(`the ${listener} OpenAPI document names its own listener as server at any address of /docs`, async () => {
      const { servers } = await fetchDocument()
      const server = new URL(servers[0]?.url ?? '', `${url().replace('127.0.0.1', 'localhost')}/docs`)
      const response = await fetch(new URL('health/live', server))
      expect([server.hostname, response.status]).toEqual(['localhost', 200])
    })

    test(`/docs of the ${listener} listener loads nothing from elsewhere`, async () => {
      const client = listener === 'public' ? service.client() : service.operator()
      const { status, headers, body } = await client.get('/docs')
      const html = body as string
      expect(status).toBe(200)
      expect(headers.get('content-type')).toBe('text/html; charset=utf-8')
      expect(html).not.toMatch(/https?:|\/\//)
      const assets = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address]) => address ?? '')
      expect(assets.length).toBeGreaterThan(4)
      for (const address of assets) {
        const asset = await client.get(new URL(address, `${url()}/docs`).pathname)
        expect([address, asset.status]).toEqual([address, 200])
        expect(asset.headers.get('content-type')).toMatch(
          /^(text\/css|application\/javascript|text\/javascript|image\/png)/,
        )
      }
      const { body: initializer } = await client.get('/docs/static/swagger-initializer.js')
      const code = (initializer as string).replaceAll(/\/\/ .*/g, '')
      expect(code).not.toMatch(/https?:\/\//)
      const document = await fetchDocument()
      // The page would fill in the examples of filters and send all of them.
      for (const { parameters = [] } of operationsOf(document).map(({ operation }) => operation)) {
        for (const parameter of parameters)
          if (parameter.in === 'query' && !parameter.required) delete parameter.example
      }
      expect((await client.get('/docs/json')).body).toEqual(document)
    })

    test(
      `the large files of the ${listener} listener are compressed, and revalidated by their ETag`,
      { tags: ['HTTP-23'] },
      async () => {
        const assets = ['swagger-ui-bundle.js', 'swagger-ui-standalone-preset.js', 'swagger-ui.css']
        const paths = [
          '/openapi.json',
          '/docs/json',
          '/docs/yaml',
          ...assets.map((name) => `/docs/static/${name}`),
        ]
        // Written in another way, the router finds the same.
        for (const path of [...paths, '/docs/%6Ason', '/docs/%79aml', '/docs/static/swagger-ui%2Ecss']) {
          const get = (headers: Record<string, string>) => fetch(url() + path, { headers })
          const { headers } = await get({ 'accept-encoding': 'gzip' })
          expect([path, headers.get('content-encoding')]).toEqual([path, 'gzip'])
          const etag = headers.get('etag') ?? ''
          expect((await get({ 'if-none-match': etag })).status).toBe(304)
        }
      },
    )

    test(`the content security policy of /docs on the ${listener} listener allows only its own files`, async () => {
      const { headers } = await (listener === 'public' ? service.client() : service.operator()).get('/docs')
      const policy = Object.fromEntries(
        (headers.get('content-security-policy') ?? '').split(';').map((directive) => {
          const [name = '', ...sources] = directive.trim().split(' ')
          return [name, sources]
        }),
      )
      expect(policy).toEqual({
        'default-src': ["'none'"],
        'script-src': ["'self'"],
        'style-src': ["'self'"],
        'img-src': ["'self'", 'data:'],
        'connect-src': ["'self'"],
        'base-uri': ["'none'"],
        'form-action': ["'none'"],
        'frame-ancestors': ["'none'"],
      })
    })
  })
})
