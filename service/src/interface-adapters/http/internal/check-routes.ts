import type { FastifyReply, FastifyRequest } from 'fastify'
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { commonErrors } from '../../../application/errors.ts'
import { authenticateLocallyErrors } from '../../../application/sessions/authenticate-locally.ts'
import type { UseCases } from '../../../application/use-cases.ts'
import { isRole } from '../../../domain/roles.ts'
import { bearerToken } from '../bearer.ts'
import { responses } from '../responses.ts'

const config = { scope: 'verify', hasKeyInOwnHeader: true } as const

const announcesBody = ({ headers }: FastifyRequest): boolean =>
  (headers['content-length'] ?? '0') !== '0' || headers['transfer-encoding'] !== undefined

/** Forward authentication: a proxy asks about each request before it passes the request on. */
export const checkRoutes =
  ({ authenticateLocally }: Pick<UseCases, 'authenticateLocally'>): FastifyPluginCallbackZod =>
  (app, _options, done) => {
    /** Before a body is read: what the proxy passes on is for the service behind it. */
    const onRequest = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
      // A proxy may announce the body of its client and send none. The next check must not be taken for that body.
      if (announcesBody(request)) reply.header('connection', 'close')
      const { userId, sessionId, roles } = await authenticateLocally(bearerToken(request))
      return (
        reply
          .headers({ 'x-user-id': String(userId), 'x-session-id': sessionId })
          // Every service with a shared secret (HS256) can sign any text as a role.
          .header('x-roles', roles.filter(isRole).join(','))
          .send()
      )
    }
    const unreachable = (): Promise<never> => Promise.reject(new Error('the hook has responded'))

    app.get('/check', {
      config,
      onRequest,
      schema: {
        tags: ['Verification'],
        operationId: 'checkRequest',
        summary: 'Check the access token of a request that a proxy is about to pass on',
        description:
          'For `auth_request` of nginx, `forwardAuth` of Traefik, `forward_auth` of Caddy and `ext_authz` of Envoy. ' +
          '`Authorization` is that of the user, and `X-Service-Key` holds the key of the proxy. 200 has the headers ' +
          '`X-User-Id`, `X-Session-Id` and `X-Roles` (separated by commas). The response comes from memory: an ended session is refused ' +
          'immediately by the instance that ended it, and within the delay of the feed by the others.',
        response: responses(
          { 200: z.undefined().describe('The token is valid. The headers say whose it is.') },
          { errors: [...commonErrors, ...authenticateLocallyErrors] },
        ),
      },
      handler: unreachable,
    })

    // Envoy sends the method and the path of the original request, after a prefix.
    app.all('/check/*', { config, onRequest, schema: { hide: true }, handler: unreachable })

    done()
  }
