import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance, FastifyPluginCallback } from 'fastify'
import fp from 'fastify-plugin'
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod'
import { platformProblem } from '../interface-adapters/http/platform-errors.ts'
import { problemDetails, problemTypes, type ProblemCode } from '../interface-adapters/http/problem-details.ts'

export interface OpenApiOptions {
  readonly title: string
  readonly description: string
  readonly publicUrl: string
  readonly serverUrl: string
  readonly version: string
  /** What callers show: they send it as a bearer token. */
  readonly bearer: { readonly name: 'accessToken' | 'serviceKey'; readonly format?: string }
}

interface Answer {
  description: string
  content?: Record<string, { schema: object; examples?: object }>
}

interface OpenApiDocument {
  components?: { schemas?: Record<string, object> }
  paths?: Record<string, Record<string, { responses: Record<string, Answer> }>>
}

/** All it takes is served from here; it may run no inline script, load nothing from elsewhere and be framed by nobody. */
const DOCS_CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** Describes the routes that come after it (OpenAPI 3.1), and shows them under `/docs` from local files alone. */
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
        servers: [{ url: options.serverUrl }],
        security: [],
        components: {
          securitySchemes: {
            [bearer.name]: {
              type: 'http',
              scheme: 'bearer',
              ...(bearer.format && { bearerFormat: bearer.format }),
            },
          },
        },
      },
      transform: jsonSchemaTransform,
      transformObject: (document) => {
        const described = withExamples(jsonSchemaTransformObject(document), options.publicUrl)
        return withoutUnusedSchemas(described)
      },
    })
    await app.register(swaggerUi, {
      routePrefix: '/docs',
      staticCSP: DOCS_CSP,
      // Without the bar on top, which asks for other documents and bears another project's name.
      uiConfig: {
        layout: 'BaseLayout',
        validatorUrl: null,
        persistAuthorization: false,
        displayRequestDuration: true,
      },
    })
  })

/** The document, to be mounted like any route. */
export const openApiRoutes: FastifyPluginCallback = (app, _options, done) => {
  app.get('/openapi.json', { schema: { hide: true } }, (_request, reply) => {
    void reply.header('cache-control', 'public, max-age=300')
    return Promise.resolve(app.swagger())
  })
  done()
}

/** One example for each code that an error answer names. */
function withExamples<D extends object>(document: D, publicUrl: string): D {
  const operations = Object.values((document as OpenApiDocument).paths ?? {}).flatMap((path) =>
    Object.values(path),
  )
  for (const { responses } of operations) {
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
      fields: [{ field: 'username', code: 'too_short', message: 'Use at least 4 characters.' }],
    },
    session_ended: { reason: 'signed_out' },
  } as const
  const examples = named
    .filter((code) => code in problemTypes)
    .map((code) => {
      const requestId = '6f1f8f0a-0f0e-4f6a-9a53-1c7f5a1f7e11'
      const value = problemDetails(code, requestId, publicUrl, details[code as keyof typeof details])
      return [code, { value: isPlatform ? platformProblem(value) : value }]
    })
  return Object.fromEntries(examples) as Record<string, { value: object }>
}

/** Both listeners share one set of schemas, each in an input and an output form: only what is referred to stays. */
function withoutUnusedSchemas<D extends object>(document: D): D {
  const { components } = document as OpenApiDocument
  const schemas = components?.schemas ?? {}
  const text = JSON.stringify(document)
  const used = Object.entries(schemas).filter(([name]) => text.includes(`"#/components/schemas/${name}"`))
  if (used.length === Object.keys(schemas).length) return document
  // A schema may have been used by an unused one alone.
  return withoutUnusedSchemas({
    ...document,
    components: { ...components, schemas: Object.fromEntries(used) },
  })
}
