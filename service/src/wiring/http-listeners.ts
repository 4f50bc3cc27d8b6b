import type { AddressInfo } from 'node:net'
import type { FastifyInstance, FastifyPluginCallback } from 'fastify'
import type { Logger } from 'pino'
import type { Outbox } from '../application/outbox/outbox.ts'
import { requireRecentAuthentication } from '../application/sessions/require-recent-authentication.ts'
import type { UseCases } from '../application/use-cases.ts'
import { accountRoutes } from '../interface-adapters/http/public/account-routes.ts'
import { allSessionsRoutes } from '../interface-adapters/http/internal/all-sessions-routes.ts'
import { auditRoutes } from '../interface-adapters/http/operators/audit-routes.ts'
import { avatarRoutes } from '../interface-adapters/http/public/avatar-routes.ts'
import { doctorRoutes } from '../interface-adapters/http/internal/doctor-routes.ts'
import type { Doctor } from '../interface-adapters/http/internal/finding.ts'
import { challengeRoutes } from '../interface-adapters/http/public/challenge-routes.ts'
import { checkRoutes } from '../interface-adapters/http/internal/check-routes.ts'
import { factorRoutes } from '../interface-adapters/http/public/factor-routes.ts'
import { feedRoutes } from '../interface-adapters/http/internal/feed-routes.ts'
import { signingKeyRoutes } from '../interface-adapters/http/internal/signing-key-routes.ts'
import { invitationRoutes } from '../interface-adapters/http/internal/invitation-routes.ts'
import { mailLinkRoutes } from '../interface-adapters/http/public/mail-link-routes.ts'
import { mailboxRoutes } from '../interface-adapters/http/internal/mailbox-routes.ts'
import { mediaRoutes } from '../interface-adapters/http/public/media-routes.ts'
import { pageRoutes } from '../interface-adapters/http/public/page-routes.ts'
import { inspectionRoutes } from '../interface-adapters/http/operators/inspection-routes.ts'
import { moderationRoutes } from '../interface-adapters/http/operators/moderation-routes.ts'
import { lookupRoutes } from '../interface-adapters/http/internal/lookup-routes.ts'
import { outboxRoutes } from '../interface-adapters/http/internal/outbox-routes.ts'
import { userSearchRoutes } from '../interface-adapters/http/public/user-search-routes.ts'
import { platformLookupRoutes } from '../interface-adapters/http/platform/platform-lookup-routes.ts'
import { platformSessionRoutes } from '../interface-adapters/http/platform/platform-session-routes.ts'
import { platformUserRoutes } from '../interface-adapters/http/platform/platform-user-routes.ts'
import type { RevocationStream } from '../interface-adapters/http/internal/revocation-stream.ts'
import { forServices, forUsers } from '../interface-adapters/http/responses.ts'
import { serviceRoutes, type Health } from '../interface-adapters/http/service-routes.ts'
import { sessionRoutes } from '../interface-adapters/http/public/session-routes.ts'
import { ticketRoutes } from '../interface-adapters/http/public/ticket-routes.ts'
import { userRoutes } from '../interface-adapters/http/public/user-routes.ts'
import { verificationRoutes } from '../interface-adapters/http/internal/verification-routes.ts'
import { ProbeProofs } from '../infrastructure/crypto/probe-proofs.ts'
import { createDoctor } from '../infrastructure/doctor/doctor.ts'
import { loadPages } from '../infrastructure/pages/load-pages.ts'
import { loadDefaultAvatars } from '../infrastructure/pictures/default-avatars.ts'
import { PostgresMedia } from '../infrastructure/postgres/postgres-media.ts'
import type { Config } from '../infrastructure/settings/config.ts'
import type { Storage } from '../infrastructure/storage/storage.ts'
import { createHttpServer } from '../infrastructure/http/http-server.ts'
import { metricsRoute } from '../infrastructure/observability/metrics-route.ts'
import { openApi, openApiRoutes } from '../infrastructure/http/openapi.ts'
import { refusingUnknownFields } from '../infrastructure/http/refuse-unknown-fields.ts'
import { respondToProbes } from '../infrastructure/http/proxy-probe.ts'
import { requiringRoles } from '../infrastructure/http/require-role.ts'
import { requireServiceKeys } from '../infrastructure/http/require-service-key.ts'
import { version } from '../infrastructure/process/version.ts'
import { createHealth } from './health.ts'
import type { Observability } from './observability.ts'
import type { Ports } from './ports.ts'

interface ListenerDeps {
  readonly config: Config
  readonly ports: Ports
  readonly useCases: UseCases
  readonly outbox: Pick<Outbox, 'hasten'>
  readonly stream: RevocationStream
  readonly wakeUp: Awaited<ReturnType<Storage['onRevocations']>>
  readonly isDraining: () => boolean
  readonly logger: Logger
  readonly observability: Observability
}

/** For clients of the platform, browsers among them. */
async function createPublicListener(deps: ListenerDeps, health: Health): Promise<FastifyInstance> {
  const { config, ports, useCases, isDraining, logger, observability } = deps
  const media = { media: new PostgresMedia(ports.storage.db), defaultAvatar: await loadDefaultAvatars() }
  const documentation = openApi({
    title: 'chat-auth',
    description: 'Accounts and sessions. Every error is a problem document (RFC 9457); branch on its `code`.',
    publicUrl: config.publicUrl,
    version,
    bearer: { name: 'accessToken', format: 'JWT' },
  })
  const guards = {
    authenticate: useCases.authenticate,
    requireRecentAuthentication: requireRecentAuthentication(ports),
    refusals: ports.refusals,
  }
  const forOperators = (routes: FastifyPluginCallback) =>
    requiringRoles(guards, refusingUnknownFields(routes))
  return createHttpServer(
    { ...config, logger, isDraining },
    [respondToProbes(probeProofsOf(deps)), ...observability.requestHooks('public'), documentation],
    [
      { prefix: '/v1', routes: sessionRoutes(useCases) },
      { prefix: '/v1', routes: challengeRoutes(useCases) },
      { prefix: '/v1', routes: factorRoutes(useCases) },
      { prefix: '/v1', routes: userRoutes(useCases, config.publicUrl) },
      { prefix: '/v1', routes: accountRoutes(useCases, config.publicUrl) },
      { prefix: '/v1', routes: avatarRoutes(useCases, config.publicUrl) },
      { prefix: '/v1', routes: userSearchRoutes(useCases, config.publicUrl) },
      { prefix: '/v1', routes: ticketRoutes(useCases) },
      { prefix: '/v1', routes: mailLinkRoutes(useCases) },
      { prefix: '/v1/admin', routes: forOperators(inspectionRoutes(useCases, config.publicUrl, forUsers)) },
      { prefix: '/v1/admin', routes: forOperators(moderationRoutes(useCases, forUsers)) },
      { prefix: '/v1/admin', routes: forOperators(auditRoutes(useCases, forUsers)) },
      { prefix: '', routes: platformSessionRoutes(useCases) },
      { prefix: '', routes: platformUserRoutes(useCases, config.publicUrl) },
      { prefix: '', routes: serviceRoutes(health, ports.signingKeys, config) },
      { prefix: '', routes: openApiRoutes },
      { prefix: '', routes: mediaRoutes(media) },
      { prefix: '', routes: pageRoutes(await loadPages(config)) },
    ],
  )
}

/** For other services and operators, who authenticate with a service key. */
function createInternalListener(deps: ListenerDeps, health: Health): Promise<FastifyInstance> {
  const { config, ports, useCases, isDraining, stream, logger, observability } = deps
  const { signingKeys, mail: { mailbox } = {} } = ports
  const documentation = openApi({
    title: 'chat-auth, internal',
    description:
      'For other services and for operators. Every path under /v1 requires a service key with the scope that the call names.',
    publicUrl: config.publicUrl,
    version,
    bearer: { name: 'serviceKey' },
  })
  const observeRefusal = observability.refusedKeys(ports.clock)
  const guard = requireServiceKeys(ports.storage.serviceKeys, {
    refusedKey: (request, reason) => {
      observeRefusal(request, reason)
      ports.refusals.add({ action: 'service_key.refused', result: 'invalid_service_key' })
    },
    missingScope: (actor, scope) =>
      ports.refusals.add({ action: 'access.refused', result: 'insufficient_scope', actor, scope }),
  })
  return createHttpServer(
    { ...config, corsOrigins: [], trustedProxies: [], logger, isDraining },
    // The guard comes last: the documentation page declares a scope for the routes of its library when they are registered.
    [...observability.requestHooks('internal'), documentation, guard],
    [
      { prefix: '/v1', routes: refusingUnknownFields(feedRoutes(stream)) },
      { prefix: '/v1', routes: refusingUnknownFields(verificationRoutes(useCases, config)) },
      { prefix: '/v1', routes: checkRoutes(useCases) },
      { prefix: '/v1', routes: refusingUnknownFields(outboxRoutes(useCases)) },
      { prefix: '/v1', routes: refusingUnknownFields(lookupRoutes(useCases, config.publicUrl)) },
      {
        prefix: '/v1',
        routes: refusingUnknownFields(inspectionRoutes(useCases, config.publicUrl, forServices)),
      },
      { prefix: '/v1', routes: refusingUnknownFields(moderationRoutes(useCases, forServices)) },
      { prefix: '/v1', routes: refusingUnknownFields(auditRoutes(useCases, forServices)) },
      { prefix: '/v1', routes: refusingUnknownFields(allSessionsRoutes(useCases, ports.clock)) },
      { prefix: '/v1', routes: refusingUnknownFields(invitationRoutes(useCases)) },
      { prefix: '/v1', routes: refusingUnknownFields(signingKeyRoutes(signingKeys)) },
      { prefix: '/v1', routes: refusingUnknownFields(doctorRoutes(doctorOf(deps))) },
      { prefix: '', routes: platformLookupRoutes(useCases, config, deps.outbox) },
      { prefix: '', routes: serviceRoutes(health, signingKeys, config) },
      { prefix: '', routes: openApiRoutes },
      { prefix: '', routes: metricsRoute(observability.metricsText) },
      ...(mailbox === undefined ? [] : [{ prefix: '', routes: mailboxRoutes(mailbox) }]),
    ],
  )
}

const healthOf = ({ ports, isDraining, observability }: ListenerDeps): Health =>
  createHealth({
    db: ports.storage.db,
    canSign: ports.signingKeys.canSign,
    isDraining,
    feedStalenessSeconds: observability.feedStalenessSeconds,
  })

const probeProofsOf = ({ config, ports }: ListenerDeps): ProbeProofs =>
  new ProbeProofs({ current: ports.storage.authSecret, previous: config.previousAuthSecrets }, ports.clock)

const doctorOf = (deps: ListenerDeps): Doctor => {
  const { config, ports, stream, wakeUp, observability } = deps
  const probeProofs = probeProofsOf(deps)
  return createDoctor({
    config,
    storage: ports.storage,
    clock: ports.clock,
    feed: ports.feed,
    tokenKeys: ports.signingKeys.tokenKeys,
    mailer: ports.mail?.mailer,
    readerCount: () => stream.readerCount,
    isListening: () => wakeUp.isListening(),
    listKeys: ports.signingKeys.list,
    untrustedProxies: observability.untrustedProxies,
    probeProof: () => probeProofs.make(),
  })
}

/** Time for in-flight requests to finish on shutdown. Then their connections are closed. */
const DRAIN_LIMIT_MS = 5_000

export interface HttpListeners {
  readonly port: number
  readonly internalPort: number
  /** Accepts no more requests and finishes the in-flight ones, for at most five seconds. */
  close(): Promise<void>
}

/** Listens on both ports. Port 0 lets the operating system choose one. */
export async function openHttpListeners(deps: ListenerDeps): Promise<HttpListeners> {
  const { port, host, internalPort, internalHost } = deps.config
  const health = healthOf(deps)
  const publicListener = await createPublicListener(deps, health)
  const internalListener = await createInternalListener(deps, health)
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
