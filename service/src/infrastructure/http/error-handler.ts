import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import { ApplicationError } from '../../application/errors.ts'
import { clientAddress } from '../../interface-adapters/http/client-address.ts'
import { problemBody } from '../../interface-adapters/http/problem-body.ts'
import { problemTypes, type TransportErrorCode } from '../../interface-adapters/http/problem-types.ts'
import { TransportError } from '../../interface-adapters/http/transport-error.ts'
import { problemHeaders } from './problem-headers.ts'

type KnownError = ApplicationError | TransportError

/** Responds to every error with problem details. The cause of an unexpected error goes to the log only. */
export const handleError =
  (publicUrl: string) =>
  (error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const known = toKnownError(error)
    const isFault = known.code === 'internal_error'
    // Our own error texts are safe to log. The cause may come from the database driver, and is needed here.
    if (isFault) request.log.error({ event: 'http.failed', actor: request.actor, err: error })
    // Of a wrong service key the guard writes a bounded number of lines: its sender is a stranger.
    else if (!isAboutServiceKey(request, known)) logRefusal(request, known)
    const problem = problemBody(known.code, request.id, publicUrl, known.details)
    return reply
      .code(problem.status)
      .headers(problemHeaders(known))
      .type('application/problem+json')
      .serializer(JSON.stringify)
      .send(problem)
  }

/** The key of a proxy is wrong: see `requireServiceKeys`. */
const isAboutServiceKey = ({ actor, routeOptions }: FastifyRequest, { code }: KnownError): boolean =>
  code === 'invalid_service_key' ||
  (code === 'unavailable' && routeOptions.config.hasKeyInOwnHeader === true && actor === undefined)

export const handleNotFound = (): Promise<never> => Promise.reject(new TransportError('not_found'))

/** Responds to requests that Node cannot parse, and that therefore have no route. */
export const handleClientError =
  (publicUrl: string) =>
  (error: NodeJS.ErrnoException, socket: Socket): void => {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy()
      return
    }
    const code = CLIENT_ERRORS.get(error.code ?? '') ?? 'malformed_request'
    const { status } = problemTypes[code]
    const requestId = randomUUID()
    const body = JSON.stringify(problemBody(code, requestId, publicUrl))
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

function toKnownError(error: unknown): KnownError {
  if (error instanceof ApplicationError || error instanceof TransportError) return error
  const status = (error as Partial<FastifyError>).statusCode ?? 500
  if (status < 400 || status >= 500) return new TransportError('internal_error')
  return new TransportError(BY_STATUS.get(status) ?? 'malformed_request')
}

/** Operators watch these lines for attacks. */
function logRefusal(request: FastifyRequest, refusal: KnownError): void {
  const { code, cause } = refusal
  const entry = {
    event: 'http.refused',
    code,
    route: request.routeOptions.url,
    ip: clientAddress(request).text,
    actor: request.actor,
  }
  // An error with a cause is a fault of the service: the database is unreachable, or a hashing thread died.
  if (code === 'unavailable' || cause !== undefined) request.log.error({ ...entry, err: cause ?? refusal })
  else request.log.info(entry)
}
