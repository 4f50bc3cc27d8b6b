import cors from '@fastify/cors'
import Fastify, {
  LogController,
  type FastifyInstance,
  type FastifyPluginCallback,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify'
import { serializerCompiler } from 'fastify-type-provider-zod'
import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Logger } from 'pino'
import { clientAddress } from '../../interface-adapters/http/client-address.ts'
import { validateInput } from './validate-input.ts'
import { handleClientError, handleError, handleNotFound } from './error-handler.ts'
import { securityHeaders } from './security-headers.ts'
import { readJson } from './json-bodies.ts'
import { refuseOtherMethods } from './method-not-allowed.ts'
import { noteOrigins } from './note-origins.ts'
import { limitPipelining } from './pipelined-requests.ts'
import { limitTinyChunks } from './tiny-chunks.ts'
import { trustProxies } from './trust-proxies.ts'
import { refuseUnreadableRequests } from './unreadable-requests.ts'

const BODY_LIMIT_BYTES = 16 * 1024
const HEADER_LIMIT_BYTES = 16 * 1024
/** A request must arrive completely within this time; a slower one gets 408. */
const REQUEST_TIMEOUT_MS = 15_000
/** Longer than the idle timeout of load balancers, so that the service never closes a connection they still use. */
const KEEP_ALIVE_TIMEOUT_MS = 72_000

const REQUEST_ID = /^[\w.-]{8,64}$/

export interface HttpServerOptions {
  readonly publicUrl: string
  readonly trustedProxies: readonly string[]
  readonly corsOrigins: readonly string[]
  readonly logger: Logger
  readonly requestTimeoutMs?: number
  /** True while the instance shuts down. Each response then closes its connection. */
  readonly isDraining?: () => boolean
}

export interface MountedRoutes {
  readonly prefix: string
  readonly routes: FastifyPluginCallback
}

/** A listener with limits, error handling, headers and request ids. `plugins` are registered before the routes. */
export async function createHttpServer(
  options: HttpServerOptions,
  plugins: readonly FastifyPluginCallback[],
  mounted: readonly MountedRoutes[],
): Promise<FastifyInstance> {
  const { publicUrl, requestTimeoutMs = REQUEST_TIMEOUT_MS } = options
  const addOwnHeaders = ownHeaders(publicUrl)
  const app = Fastify({
    loggerInstance: withEvents(options.logger),
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'request_id' }),
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    http: {
      maxHeaderSize: HEADER_LIMIT_BYTES,
      // Node's default is a minute, and Node applies the longer of both timeouts to the body.
      headersTimeout: requestTimeoutMs,
      connectionsCheckingInterval: requestTimeoutMs / 3,
      // refuseUnreadableRequests refuses it below, with a problem document.
      requireHostHeader: false,
    },
    // The header limit is enough. A longer id is simply unknown.
    routerOptions: { maxParamLength: HEADER_LIMIT_BYTES },
    trustProxy: options.trustedProxies.length > 0 ? trustProxies(options.trustedProxies) : false,
    requestIdHeader: false,
    genReqId: requestId,
    // Requests that arrive on open connections during shutdown still get a normal response.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    clientErrorHandler: handleClientError(publicUrl),
    frameworkErrors: (error, request, reply) => {
      addOwnHeaders(request, reply)
      // Hooks do not run for such a request, so `connection` must be set here.
      void reply.header('connection', 'close')
      void handleError(publicUrl)(error, request, reply)
    },
  }) as unknown as FastifyInstance
  app.setValidatorCompiler(validateInput)
  app.setSerializerCompiler(serializerCompiler)
  app.setErrorHandler(handleError(publicUrl))
  app.setNotFoundHandler(handleNotFound)
  readJson(app)
  app.decorateRequest('caller', undefined)
  app.decorateRequest('actor', undefined)
  limitPipelining(app)
  limitTinyChunks(app)
  noteOrigins(app)
  app.addHook('onRequest', (request, reply, done) => {
    addOwnHeaders(request, reply)
    done()
  })
  addHooks(app, options)
  await addCors(app, options.corsOrigins)
  refuseUnreadableRequests(app)
  for (const plugin of plugins) await app.register(plugin)
  const refuseRest = refuseOtherMethods(app)
  for (const { prefix, routes } of mounted) await app.register(routes, { prefix })
  refuseRest()
  return app
}

function addHooks(app: FastifyInstance, { isDraining = () => false, logger }: HttpServerOptions): void {
  app.addHook('onSend', (_request, reply, _payload, done) => {
    // Otherwise idle connections would delay the exit, or be closed just as the client sends the next request.
    if (isDraining() || !app.server.listening) void reply.header('connection', 'close')
    done()
  })
  app.addHook('onResponse', (request, reply, done) => {
    // The route's pattern, because the URL itself may hold personal data.
    if (logger.isLevelEnabled('info')) {
      request.log.info({
        event: 'http.request',
        method: request.method,
        route: request.routeOptions.url ?? 'none',
        status: reply.statusCode,
        milliseconds: Math.round(reply.elapsedTime),
        ip: clientAddress(request).text,
        actor: request.actor,
      })
    }
    done()
  })
}

const ownHeaders = (publicUrl: string): ((request: FastifyRequest, reply: FastifyReply) => void) => {
  const headers = securityHeaders(publicUrl)
  return ({ id }, reply) => void reply.headers(headers).header('x-request-id', id)
}

async function addCors(app: FastifyInstance, corsOrigins: readonly string[]): Promise<void> {
  if (corsOrigins.length === 0) return
  await app.register(cors, {
    origin: [...corsOrigins],
    methods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
    allowedHeaders: ['authorization', 'content-type', 'x-request-id'],
    exposedHeaders: ['location', 'retry-after', 'x-request-id', 'www-authenticate'],
    maxAge: 600,
    // Other OPTIONS requests are treated as preflights; otherwise the plugin responds with its own error format.
    strictPreflight: false,
  })
}

/** Fastify's own log lines have no event name, so they get this one. */
const withEvents = (logger: Logger): Logger =>
  logger.child(
    {},
    { formatters: { log: (line) => ('event' in line ? line : { event: 'http.server', ...line }) } },
  )

/** The caller's request id if it is well-formed, so that traces join up; otherwise a new one. */
function requestId(request: IncomingMessage): string {
  const given = request.headers['x-request-id']
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID()
}
