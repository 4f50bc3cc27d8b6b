import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance, FastifyPluginCallback } from 'fastify'
import type { Logger } from 'pino'
import type { UseCases } from '../application/use-cases.ts'
import { mediaRoutes } from '../interface-adapters/http/media-routes.ts'
import { moderationRoutes } from '../interface-adapters/http/moderation-routes.ts'
import { serviceRoutes, type Health, type PublishedKeys } from '../interface-adapters/http/service-routes.ts'
import { sessionRoutes } from '../interface-adapters/http/session-routes.ts'
import { userRoutes } from '../interface-adapters/http/user-routes.ts'
import type { Config } from './config.ts'
import { createHttpServer } from './http-server.ts'
import { openApi, openApiRoutes } from './openapi.ts'
import { requireServiceKey } from './service-keys.ts'

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
}
const defaultAvatar = readFileSync(new URL('../../assets/default-avatar.png', import.meta.url))

export interface ListenerDeps {
  readonly config: Config
  readonly useCases: UseCases
  readonly health: Health
  readonly keys: PublishedKeys
  readonly serviceKeys: readonly string[]
  readonly logger: Logger
}

/** For people and browsers. */
export function createPublicListener({
  config,
  useCases,
  health,
  keys,
  logger,
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
    { ...config, logger },
    [documentation],
    [
      { prefix: '/v1', routes: sessionRoutes(useCases) },
      { prefix: '/v1', routes: userRoutes(useCases, config.publicUrl) },
      { prefix: '', routes: serviceRoutes(health, keys) },
      { prefix: '', routes: openApiRoutes },
      { prefix: '', routes: mediaRoutes(defaultAvatar) },
    ],
  )
}

/** For other services and operators, who show a key. */
export function createInternalListener(deps: ListenerDeps): Promise<FastifyInstance> {
  const { config, useCases, health, keys, serviceKeys, logger } = deps
  const documentation = openApi({
    title: 'chat-auth, internal',
    description: 'For other services and operators. Everything under /v1 needs a service key.',
    publicUrl: config.publicUrl,
    serverUrl: `http://localhost:${config.internalPort}`,
    version,
    bearer: { name: 'serviceKey' },
  })
  const guarded: FastifyPluginCallback = (app, routeOptions, done) => {
    app.addHook('onRequest', requireServiceKey(serviceKeys))
    moderationRoutes(useCases)(app, routeOptions, done)
  }
  return createHttpServer(
    { ...config, corsOrigins: [], trustedProxies: [], logger },
    [documentation],
    [
      { prefix: '/v1', routes: guarded },
      { prefix: '', routes: serviceRoutes(health, keys) },
      { prefix: '', routes: openApiRoutes },
    ],
  )
}

/** Listens; answers the port, which the system chooses when 0 is asked for. */
export async function listen(app: FastifyInstance, host: string, port: number): Promise<number> {
  await app.listen({ host, port })
  return (app.server.address() as AddressInfo).port
}
