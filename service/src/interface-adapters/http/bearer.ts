import type { FastifyRequest } from 'fastify'
import { ApplicationError } from '../../application/errors.ts'
import type { Caller } from '../../application/sessions/authenticate.ts'

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller | undefined
  }
}

const BEARER = /^Bearer +([A-Za-z0-9\-._~+/]+=*) *$/i

/** The token of an Authorization header (RFC 6750, section 2.1); undefined when there is no such header. */
export function bearerToken(request: FastifyRequest): string | undefined {
  const header = request.headers.authorization
  if (header === undefined) return undefined
  // A header that is no bearer token holds an unusable one: the empty string is never valid.
  return BEARER.exec(header)?.[1] ?? ''
}

/** A hook that lets nobody past without a live session. It runs before the body is read. */
export const requireCaller =
  (authenticate: (accessToken: string) => Promise<Caller>) =>
  async (request: FastifyRequest): Promise<void> => {
    const token = bearerToken(request)
    if (token === undefined) throw new ApplicationError('authentication_required')
    request.caller = await authenticate(token)
  }

/** The caller that requireCaller let past. */
export function callerOf(request: FastifyRequest): Caller {
  if (request.caller === undefined) throw new Error('the route asks for its caller without requireCaller')
  return request.caller
}
