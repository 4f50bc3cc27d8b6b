import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type {
  FastifyInstance,
  FastifyPluginAsync,
  FastifyPluginCallback,
  FastifyRequest,
  FastifySchema,
  RouteOptions,
} from 'fastify'
import fp from 'fastify-plugin'
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { rolesOfScope } from '../../domain/operator.ts'
import { platformProblem } from '../../interface-adapters/http/platform/platform-errors.ts'
import { problemBody } from '../../interface-adapters/http/problem-body.ts'
import { problemTypes, type ProblemCode } from '../../interface-adapters/http/problem-types.ts'
import { readyMade, type ReadyMade } from './ready-made.ts'

export interface OpenApiOptions {
  readonly title: string
  readonly description: string
  readonly publicUrl: string
  readonly version: string
  /** The credential that callers send as a bearer token. */
  readonly bearer: { readonly name: 'accessToken' | 'serviceKey'; readonly format?: string }
}

interface ResponseObject {
  description: string
  content?: Record<string, { schema: object; examples?: object }>
}

interface SchemaObject {
  readonly type?: string
  readonly anyOf?: readonly SchemaObject[]
}

interface Parameter {
  readonly in: string
  readonly required?: boolean
  example?: unknown
}

interface Operation {
  readonly parameters?: readonly Parameter[]
  readonly responses: Record<string, ResponseObject>
  readonly requestBody?: {
    required?: boolean
    readonly content: Record<string, { schema: SchemaObject }>
  }
}

interface OpenApiDocument {
  components?: { schemas?: Record<string, object> }
  paths?: Record<string, Record<string, Operation>>
}

/** Everything is served locally. The page runs no inline scripts, loads nothing from other origins and cannot be framed. */
const DOCS_CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** Describes the routes registered after it (OpenAPI 3.1), and shows them at `/docs` from local files only. */
export const openApi = ({ bearer, ...options }: OpenApiOptions) =>
  fp(async (app: FastifyInstance) => {
    await app.register(swagger, {
      openapi: {
        openapi: '3.1.0',
        info: {
          title: options.title,
          description: options.description,
          version: options.version,
          license: { name: 'MIT', identifier: 'MIT' },
        },
        // Relative, so that /docs calls the address it was loaded from, whatever PUBLIC_URL says.
        servers: [{ url: '/' }],
        security: [],
        components: {
          securitySchemes: {
            [bearer.name]: {
              type: 'http',
              scheme: 'bearer',
              ...(bearer.format && { bearerFormat: bearer.format }),
            },
            ...(bearer.name === 'serviceKey' && { [OWN_HEADER]: SERVICE_KEY_HEADER }),
          },
        },
      },
      transform: (described) => jsonSchemaTransform(withSecurity(described, bearer.name)),
      transformObject: (document) => {
        const described = withExamples(jsonSchemaTransformObject(document), options.publicUrl)
        return withoutUnusedSchemas(withOptionalBodies(described))
      },
    })
    await app.register(swaggerPage)
  })

/** Of a route whose Authorization holds the token of a user. */
const OWN_HEADER = 'serviceKeyHeader'
const SERVICE_KEY_HEADER = { type: 'apiKey', in: 'header', name: 'X-Service-Key' } as const

/** The scope of a service key, or the lowest role, stands in the operation's `security`, as OpenAPI 3.1 allows. */
function withSecurity<T extends { schema: FastifySchema; route: RouteOptions }>(
  described: T,
  bearer: 'accessToken' | 'serviceKey',
): T {
  const { scope = 'none', hasKeyInOwnHeader = false } = described.route.config ?? {}
  if (scope === 'none') return described
  const scheme = hasKeyInOwnHeader ? OWN_HEADER : bearer
  const security = [{ [scheme]: bearer === 'serviceKey' ? [scope] : rolesOfScope(scope).slice(0, 1) }]
  return { ...described, schema: { ...described.schema, security } }
}

const swaggerPage: FastifyPluginAsync = async (app) => {
  // The library cannot declare it for its routes.
  app.addHook('onRoute', (route) => {
    route.config = { ...route.config, scope: 'none' }
  })
  const files = largeFiles(app)
  app.addHook('onRequest', async (request, reply) => {
    return files.get(routedPath(request))?.(request, reply)
  })
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: DOCS_CSP,
    // The default layout has a bar that offers to load other documents.
    uiConfig: {
      layout: 'BaseLayout',
      validatorUrl: null,
      persistAuthorization: false,
      displayRequestDuration: true,
    },
  })
}

/** As the router reads it, which accepts other spellings: with percent signs, or with a fragment. */
const routedPath = ({ routeOptions, params }: FastifyRequest): string =>
  (routeOptions.url ?? '').replace('*', () => (params as { '*'?: string })['*'] ?? '')

/** By path, what swagger-ui would serialise, or read from the disk, for every request. */
function largeFiles(app: FastifyInstance): ReadonlyMap<string, ReadyMade> {
  const folder = join(dirname(createRequire(import.meta.url).resolve('@fastify/swagger-ui')), 'static')
  const asset = (name: string, type: string) =>
    [`/docs/static/${name}`, readyMade(type, () => readFile(join(folder, name)))] as const
  return new Map([
    [
      '/docs/json',
      readyMade('application/json; charset=utf-8', () => bytesOf(withoutFilters(app.swagger()))),
    ],
    // Every JSON document is a YAML document too, and writing another form would take 200 ms.
    ['/docs/yaml', readyMade('application/yaml; charset=utf-8', () => bytesOf(app.swagger()))],
    asset('swagger-ui.css', 'text/css; charset=utf-8'),
    asset('swagger-ui-bundle.js', 'text/javascript; charset=utf-8'),
    asset('swagger-ui-standalone-preset.js', 'text/javascript; charset=utf-8'),
  ])
}

const bytesOf = (document: object): Promise<Buffer> => Promise.resolve(Buffer.from(JSON.stringify(document)))

/** The page fills in each example, so it would send filters that exclude each other, and a cursor of another list. */
function withoutFilters(document: object): object {
  const shown = structuredClone(document)
  for (const { parameters = [] } of operationsOf(shown)) {
    for (const parameter of parameters) {
      if (parameter.in === 'query' && parameter.required !== true) delete parameter.example
    }
  }
  return shown
}

/** Serves the document. */
export const openApiRoutes: FastifyPluginCallback = (app, _options, done) => {
  // Describing all routes takes a while. Done by the first request for the document, it would block all others.
  app.addHook('onReady', () => void app.swagger())
  const document = readyMade('application/json; charset=utf-8', () => bytesOf(app.swagger()))
  app.get('/openapi.json', { schema: { hide: true }, config: { scope: 'none' } }, document)
  done()
}

const operationsOf = (document: object): Operation[] =>
  Object.values((document as OpenApiDocument).paths ?? {}).flatMap((path) => Object.values(path))

/** A body that may be null may be missing. The library calls every body required. */
function withOptionalBodies<D extends object>(document: D): D {
  for (const { requestBody } of operationsOf(document)) {
    for (const content of Object.values(requestBody?.content ?? {})) {
      const [described, ...others] = content.schema.anyOf ?? []
      if (requestBody === undefined || described === undefined || others[0]?.type !== 'null') continue
      requestBody.required = false
      content.schema = described
    }
  }
  return document
}

/** Adds an example for each error code of a response. */
function withExamples<D extends object>(document: D, publicUrl: string): D {
  for (const { responses } of operationsOf(document)) {
    for (const { description, content } of Object.values(responses)) {
      const problem = content?.['application/problem+json']
      if (problem === undefined) continue
      const isPlatform = JSON.stringify(problem.schema).includes('PlatformProblem')
      problem.examples = examplesOf(description, publicUrl, isPlatform)
    }
  }
  return document
}

function examplesOf(
  description: string,
  publicUrl: string,
  isPlatform: boolean,
): Record<string, { value: object }> {
  const named = [...description.matchAll(/^`(\w+)`/gm)].map(([, code]) => code as ProblemCode)
  const details = {
    validation_failed: {
      fields: [{ field: 'username', code: 'too_short', message: 'Must be 4 to 32 characters.' }],
    },
    session_ended: { reason: 'signed_out' },
  } as const
  const examples = named
    .filter((code) => code in problemTypes)
    .map((code) => {
      const requestId = '6f1f8f0a-0f0e-4f6a-9a53-1c7f5a1f7e11'
      const value = problemBody(code, requestId, publicUrl, details[code as keyof typeof details])
      return [code, { value: isPlatform ? platformProblem(value) : value }]
    })
  return Object.fromEntries(examples) as Record<string, { value: object }>
}

/** The registry holds the schemas of both listeners, each in an input and an output form. Keeps the referenced ones. */
function withoutUnusedSchemas<D extends object>(document: D): D {
  const { components } = document as OpenApiDocument
  const schemas = components?.schemas ?? {}
  const text = JSON.stringify(document)
  const used = Object.entries(schemas).filter(([name]) => text.includes(`"#/components/schemas/${name}"`))
  if (used.length === Object.keys(schemas).length) return document
  // Repeats, because a schema may have been referenced only by one that was just removed.
  return withoutUnusedSchemas({
    ...document,
    components: { ...components, schemas: Object.fromEntries(used) },
  })
}
