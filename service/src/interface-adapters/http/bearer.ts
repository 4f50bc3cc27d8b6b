import type { FastifyRequest } from 'fastify'
import { ApplicationError } from '../../application/errors.ts'
import { userActor, type Actor } from '../../domain/actor.ts'
import type { Caller } from '../../application/sessions/caller.ts'

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller | undefined
    /** For log lines and events; undefined while the request is anonymous. */
    actor: Actor | undefined
  }
}

const BEARER = /^Bearer +([A-Za-z0-9\-._~+/]+=*) *$/i

/** The token of an Authorization header (RFC 6750, section 2.1); undefined when there is no such header. */
export function bearerToken(request: FastifyRequest): string | undefined {
  const header = request.headers.authorization
  if (header === undefined) return undefined
  // A malformed header counts as an invalid token, not as a missing one. The empty string is never valid.
  return BEARER.exec(header)?.[1] ?? ''
}

/** A hook that requires a live session. It runs before the body is read. */
export const requireCaller =
  (authenticate: (accessToken: string) => Promise<Caller>) =>
  async (request: FastifyRequest): Promise<void> => {
    const token = bearerToken(request)
    if (token === undefined) throw new ApplicationError('authentication_required')
    request.caller = await authenticate(token)
    request.actor = userActor(request.caller.user.id)
  }

/** The caller that requireCaller has authenticated. */
export function callerOf(request: FastifyRequest): Caller {
  if (request.caller === undefined)
    throw new Error('a route that reads its caller needs the hook requireCaller')
  return request.caller
}

/** The user or service that makes the request, as its access token or service key has shown. */
export function actorOf(request: FastifyRequest): Actor {
  if (request.actor === undefined) throw new Error('a route that reads its actor needs a key or a token')
  return request.actor
}
