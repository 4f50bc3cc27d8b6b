import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import { ApplicationError } from '../application/errors.ts'
import {
  problemDetails,
  problemHeaders,
  problemTypes,
  TransportError,
  type TransportErrorCode,
} from '../interface-adapters/http/problem-details.ts'

type Refusal = ApplicationError | TransportError

/** Answers whatever went wrong as problem details; what is not a refusal is logged and told nobody. */
export const handleError =
  (publicUrl: string) =>
  (error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const refusal = toRefusal(error)
    const isFault = refusal.code === 'internal_error'
    // Any error of ours is made of words that are safe to log; its cause may be the driver's, and is wanted here.
    if (isFault) request.log.error({ event: 'http.failed', err: error })
    else logRefusal(request, refusal)
    const details = refusal instanceof ApplicationError ? refusal.details : {}
    const problem = problemDetails(refusal.code, request.id, publicUrl, details)
    return reply
      .code(problem.status)
      .headers(problemHeaders(refusal))
      .type('application/problem+json')
      .serializer(JSON.stringify)
      .send(problem)
  }

export const handleNotFound = (): Promise<never> => Promise.reject(new TransportError('not_found'))

/** For requests that cannot be parsed so far as to have a route. */
export const answerClientError =
  (publicUrl: string) =>
  (error: NodeJS.ErrnoException, socket: Socket): void => {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy()
      return
    }
    const code = CLIENT_ERRORS.get(error.code ?? '') ?? 'malformed_request'
    const { status } = problemTypes[code]
    const requestId = randomUUID()
    const body = JSON.stringify(problemDetails(code, requestId, publicUrl))
    socket.end(
      `HTTP/1.1 ${status} ${problemTypes[code].title}\r\nDate: ${new Date().toUTCString()}\r\nContent-Type: application/problem+json\r\n` +
        `X-Request-Id: ${requestId}\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n` +
        `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    )
  }

const CLIENT_ERRORS = new Map<string, TransportErrorCode>([
  ['HPE_HEADER_OVERFLOW', 'header_too_large'],
  ['ERR_HTTP_REQUEST_TIMEOUT', 'request_timeout'],
])

const BY_STATUS = new Map<number, TransportErrorCode>([
  [404, 'not_found'],
  [408, 'request_timeout'],
  [413, 'payload_too_large'],
  [415, 'unsupported_media_type'],
])

function toRefusal(error: unknown): Refusal {
  if (error instanceof ApplicationError || error instanceof TransportError) return error
  const status = (error as Partial<FastifyError>).statusCode ?? 500
  if (status < 400 || status >= 500) return new TransportError('internal_error')
  return new TransportError(BY_STATUS.get(status) ?? 'malformed_request')
}

/** Refused requests to sign in, refresh and the like, for whoever watches for attacks. */
function logRefusal(request: FastifyRequest, refusal: Refusal): void {
  const { code, cause } = refusal
  const entry = { event: 'http.refused', code, route: request.routeOptions.url, ip: request.ip }
  // With a cause it is ours: a database that is away, a hashing thread that died.
  if (code === 'unavailable' || cause !== undefined) request.log.error({ ...entry, err: cause })
  else request.log.info(entry)
}
