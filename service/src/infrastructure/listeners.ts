import type { AddressInfo } from 'node:net'
import type { FastifyInstance, FastifyPluginCallback } from 'fastify'
import type { Logger } from 'pino'
import type { UseCases } from '../application/use-cases.ts'
import { avatarRoutes } from '../interface-adapters/http/avatar-routes.ts'
import { doctorRoutes, type Doctor } from '../interface-adapters/http/doctor-routes.ts'
import { feedRoutes } from '../interface-adapters/http/feed-routes.ts'
import { keysRoutes, type KeysDeps } from '../interface-adapters/http/keys-routes.ts'
import { mediaRoutes, type MediaDeps } from '../interface-adapters/http/media-routes.ts'
import { inspectionRoutes } from '../interface-adapters/http/inspection-routes.ts'
import { moderationRoutes } from '../interface-adapters/http/moderation-routes.ts'
import { outboxRoutes } from '../interface-adapters/http/outbox-routes.ts'
import { peopleRoutes } from '../interface-adapters/http/people-routes.ts'
import { platformLookupRoutes, platformRoutes } from '../interface-adapters/http/platform-routes.ts'
import type { RevocationStream } from '../interface-adapters/http/revocation-stream.ts'
import { serviceRoutes, type Health, type PublishedKeys } from '../interface-adapters/http/service-routes.ts'
import { sessionRoutes } from '../interface-adapters/http/session-routes.ts'
import { ticketRoutes } from '../interface-adapters/http/ticket-routes.ts'
import { userRoutes } from '../interface-adapters/http/user-routes.ts'
import { verificationRoutes } from '../interface-adapters/http/verification-routes.ts'
import type { Config } from './config.ts'
import { createHttpServer } from './http-server.ts'
import { metricsRoute } from './observability/metrics-route.ts'
import type { Observability } from './observability/observability.ts'
import { openApi, openApiRoutes } from './openapi.ts'
import { requireServiceKey } from './service-keys.ts'
import { version } from './version.ts'

interface ListenerDeps {
  readonly config: Config
  readonly useCases: UseCases
  readonly health: Health
  readonly isDraining: () => boolean
  readonly keys: PublishedKeys & KeysDeps
  readonly doctor: Doctor
  readonly media: MediaDeps
  readonly serviceKeys: readonly string[]
  readonly stream: RevocationStream
  readonly logger: Logger
  readonly observability: Pick<Observability, 'observeRequests' | 'text'>
}

/** For people and browsers. */
function createPublicListener({
  config,
  useCases,
  health,
  isDraining,
  keys,
  media,
  logger,
  observability,
}: ListenerDeps): Promise<FastifyInstance> {
  const documentation = openApi({
    title: 'chat-auth',
    description: 'Sign up, sign in, stay signed in, sign out. Every error is a problem document (RFC 9457).',
    publicUrl: config.publicUrl,
    serverUrl: config.publicUrl,
    version,
    bearer: { name: 'accessToken', format: 'JWT' },
  })
  return createHttpServer(
    { ...config, logger, isDraining },
    [...observability.observeRequests('public'), documentation],
    [
      { prefix: '/v1', routes: sessionRoutes(useCases) },
      { prefix: '/v1', routes: userRoutes(useCases, config.publicUrl) },
      { prefix: '/v1', routes: avatarRoutes(useCases, config.publicUrl) },
      { prefix: '/v1', routes: peopleRoutes(useCases, config.publicUrl) },
      { prefix: '/v1', routes: ticketRoutes(useCases) },
      { prefix: '', routes: platformRoutes(useCases, config.publicUrl) },
      { prefix: '', routes: serviceRoutes(health, keys) },
      { prefix: '', routes: openApiRoutes },
      { prefix: '', routes: mediaRoutes(media) },
    ],
  )
}

/** For other services and operators, who show a key. */
function createInternalListener(deps: ListenerDeps): Promise<FastifyInstance> {
  const { config, useCases, health, isDraining, keys, doctor, serviceKeys, stream, logger, observability } =
    deps
  const documentation = openApi({
    title: 'chat-auth, internal',
    description: 'For other services and operators. Everything under /v1 needs a service key.',
    publicUrl: config.publicUrl,
    serverUrl: `http://localhost:${config.internalPort}`,
    version,
    bearer: { name: 'serviceKey' },
  })
  const guarded =
    (routes: FastifyPluginCallback): FastifyPluginCallback =>
    (app, routeOptions, done) => {
      app.addHook('onRequest', requireServiceKey(serviceKeys))
      routes(app, routeOptions, done)
    }
  const platformLookup = platformLookupRoutes(useCases, config)
  return createHttpServer(
    { ...config, corsOrigins: [], trustedProxies: [], logger, isDraining },
    [...observability.observeRequests('internal'), documentation],
    [
      { prefix: '/v1', routes: guarded(feedRoutes(stream)) },
      { prefix: '/v1', routes: guarded(verificationRoutes(useCases, config)) },
      { prefix: '/v1', routes: guarded(outboxRoutes(useCases)) },
      { prefix: '/v1', routes: guarded(inspectionRoutes(useCases, config.publicUrl)) },
      { prefix: '/v1', routes: guarded(moderationRoutes(useCases)) },
      { prefix: '/v1', routes: guarded(keysRoutes(keys)) },
      { prefix: '/v1', routes: guarded(doctorRoutes(doctor)) },
      { prefix: '', routes: config.platformOpenLookup ? platformLookup : guarded(platformLookup) },
      { prefix: '', routes: serviceRoutes(health, keys) },
      { prefix: '', routes: openApiRoutes },
      { prefix: '', routes: metricsRoute(() => observability.text()) },
    ],
  )
}

/** What is under way gets so long to be answered; a client that takes longer holds nothing up. */
const DRAIN_LIMIT_MS = 5_000

export interface Listeners {
  readonly port: number
  readonly internalPort: number
  /** Takes no more requests, answers those that are under way, and cuts off what is left after five seconds. */
  close(): Promise<void>
}

/** Listens on both ports; 0 lets the system choose. */
export async function openListeners(deps: ListenerDeps): Promise<Listeners> {
  const { port, host, internalPort, internalHost } = deps.config
  const publicListener = await createPublicListener(deps)
  const internalListener = await createInternalListener(deps)
  return {
    internalPort: await listen(internalListener, internalHost, internalPort),
    port: await listen(publicListener, host, port),
    close: async () => {
      await Promise.all([publicListener, internalListener].map(closeListener))
    },
  }
}

async function listen(app: FastifyInstance, host: string, port: number): Promise<number> {
  await app.listen({ host, port })
  return (app.server.address() as AddressInfo).port
}

async function closeListener(app: FastifyInstance): Promise<void> {
  const cutOff = setTimeout(() => app.server.closeAllConnections(), DRAIN_LIMIT_MS)
  await app.close().finally(() => clearTimeout(cutOff))
}
