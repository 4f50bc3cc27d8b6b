import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { RequestOrigin } from '../../application/ports/audit-log.ts'
import { clientAddress } from '../../interface-adapters/http/client-address.ts'
import { userAgent } from '../../interface-adapters/http/device-name.ts'
import { requestOrigins } from '../context/request-origin.ts'

/** Makes the origin of each request known to everything that runs in its course. */
export function noteOrigins(app: FastifyInstance): void {
  app.addHook('onRequest', (request, _reply, next) => {
    // Fastify keeps this context while it reads the body.
    requestOrigins.run(() => originOf(request), next)
  })
}

const originOf = (request: FastifyRequest): RequestOrigin => ({
  ip: clientAddress(request).text,
  userAgent: userAgent(request),
  requestId: request.id,
  session: request.caller?.session.id,
})
