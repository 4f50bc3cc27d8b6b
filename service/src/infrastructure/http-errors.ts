import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import { ApplicationError, type FieldProblem } from '../application/errors.ts'
import type { InvalidValueCode } from '../domain/invalid-value.ts'
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
    const body = JSON.stringify(problemDetails(code, randomUUID(), publicUrl))
    socket.end(
      `HTTP/1.1 ${status} ${problemTypes[code].title}\r\nContent-Type: application/problem+json\r\n` +
        `Cache-Control: no-store\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
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
  if (hasZodFastifySchemaValidationErrors(error)) {
    return new ApplicationError('validation_failed', { fields: error.validation.map(toFieldProblem) })
  }
  const status = (error as Partial<FastifyError>).statusCode ?? 500
  if (status < 400 || status >= 500) return new TransportError('internal_error')
  return new TransportError(BY_STATUS.get(status) ?? 'malformed_request')
}

interface ZodProblem {
  readonly instancePath: string
  readonly params: { readonly issue: { code: string; input?: unknown; maximum?: unknown; expected?: unknown } }
}

function toFieldProblem(problem: unknown): FieldProblem {
  const { instancePath, params } = problem as ZodProblem
  const field = instancePath.replace(/^\//, '').replaceAll('/', '.') || 'body'
  const code = fieldCode(params.issue)
  return { field, code, message: fieldMessage(code, params.issue) }
}

function fieldCode(issue: ZodProblem['params']['issue']): InvalidValueCode {
  if (issue.code === 'too_big') return 'too_long'
  if (issue.code === 'too_small') return 'too_short'
  if (issue.code === 'invalid_type') return issue.input === undefined ? 'required' : 'invalid_type'
  return 'invalid_format'
}

function fieldMessage(code: InvalidValueCode, { maximum, expected }: ZodProblem['params']['issue']): string {
  if (code === 'required') return 'This field is required.'
  if (code === 'too_long') return `Use at most ${String(maximum)} characters.`
  if (code === 'too_short') return 'Use at least one character.'
  if (code === 'invalid_type') return `This has to be of the type ${String(expected)}.`
  return 'This value is not one of those allowed.'
}

/** Refused requests to sign in, refresh and the like, for whoever watches for attacks. */
function logRefusal(request: FastifyRequest, refusal: Refusal): void {
  const isDown = refusal.code === 'unavailable'
  const entry = { event: 'http.refused', code: refusal.code, route: request.routeOptions.url, ip: request.ip }
  if (isDown) request.log.error({ ...entry, err: refusal.cause })
  else request.log.info(entry)
}
