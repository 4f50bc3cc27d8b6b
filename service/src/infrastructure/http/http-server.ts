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
import { validateInput } from '../interface-adapters/http/validate-input.ts'
import { answerClientError, handleError, handleNotFound } from './http-errors.ts'
import { answerHeaders } from './answer-headers.ts'
import { readJson } from './json-bodies.ts'
import { refuseOtherMethods } from './other-methods.ts'
import { limitPipelining } from './pipelined-requests.ts'
import { refuseUnreadableRequests } from './unreadable-requests.ts'

const BODY_LIMIT_BYTES = 16 * 1024
const HEADER_LIMIT_BYTES = 16 * 1024
/** A request has to arrive whole within this; a slow one is cut off with 408. */
const REQUEST_TIMEOUT_MS = 15_000
/** Longer than load balancers keep theirs, so that it is not us who closes under a request. */
const KEEP_ALIVE_TIMEOUT_MS = 72_000

const REQUEST_ID = /^[\w.-]{8,64}$/

export interface HttpServerOptions {
  readonly publicUrl: string
  readonly trustedProxies: readonly string[]
  readonly corsOrigins: readonly string[]
  readonly logger: Logger
  readonly requestTimeoutMs?: number
  /** Whether the instance is on its way out: then an answer is the last one on its connection. */
  readonly isDraining?: () => boolean
}

export interface MountedRoutes {
  readonly prefix: string
  readonly routes: FastifyPluginCallback
}

/** A listener with limits, error answers, headers and request ids; `plugins` come before the routes. */
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
      // Node's own is a minute, and it takes the longer of the two for the body.
      headersTimeout: requestTimeoutMs,
      connectionsCheckingInterval: requestTimeoutMs / 3,
      // Refused below, in a problem document.
      requireHostHeader: false,
    },
    // The limit of the request line is enough: an id that is too long is an unknown one.
    routerOptions: { maxParamLength: HEADER_LIMIT_BYTES },
    trustProxy: options.trustedProxies.length > 0 ? [...options.trustedProxies] : false,
    requestIdHeader: false,
    genReqId: requestId,
    // While closing, requests that are already on a connection are answered as usual.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    clientErrorHandler: answerClientError(publicUrl),
    frameworkErrors: (error, request, reply) => {
      addOwnHeaders(request, reply)
      // No hook sees such a request, neither to count it nor to say that the instance is on its way out.
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
  limitPipelining(app)
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
    // So that what is kept alive neither holds up the exit nor is closed under a request that has just been sent.
    if (isDraining() || !app.server.listening) void reply.header('connection', 'close')
    done()
  })
  app.addHook('onResponse', (request, reply, done) => {
    // The route's pattern, not the address: that may hold what should not be kept.
    if (logger.isLevelEnabled('info')) {
      request.log.info({
        event: 'http.request',
        method: request.method,
        route: request.routeOptions.url ?? 'none',
        status: reply.statusCode,
        milliseconds: Math.round(reply.elapsedTime),
        ip: request.ip,
      })
    }
    done()
  })
}

const ownHeaders = (publicUrl: string): ((request: FastifyRequest, reply: FastifyReply) => void) => {
  const headers = answerHeaders(publicUrl)
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
    // An OPTIONS request that is no preflight is answered like one, and not in words of the plugin's own.
    strictPreflight: false,
  })
}

/** The framework's own lines, such as those about where it listens, are told apart by their words alone. */
const withEvents = (logger: Logger): Logger =>
  logger.child(
    {},
    { formatters: { log: (line) => ('event' in line ? line : { event: 'http.server', ...line }) } },
  )

/** The caller's own request id where it is harmless, so that traces join up; a fresh one otherwise. */
function requestId(request: IncomingMessage): string {
  const given = request.headers['x-request-id']
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID()
}
