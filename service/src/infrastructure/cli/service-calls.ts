import type { CommandContext } from '../../interface-adapters/cli/command.ts'
import { CommandFailure, exitCodes } from '../../interface-adapters/cli/exit-codes.ts'
import { printable } from '../../interface-adapters/cli/text.ts'
import type { Connection } from './connection.ts'

/** Longer than any call takes: the deadlines inside the service are a few seconds each. */
const DEADLINE_MS = 30_000

interface Problem {
  readonly code: string
  readonly detail: string
  readonly request_id: string
  readonly errors?: readonly { field: string; message: string }[]
}

/** Calls the service with the key. The message of every failure says what to do; none contains the key. */
export const callsTo =
  (connection: Connection, deadlineMs = DEADLINE_MS): CommandContext['call'] =>
  async (method, path, body) => {
    const { url, key } = connection
    const { response, text } = await reach(url, deadlineMs, async (signal) => {
      const response = await fetch(url + path, {
        method,
        headers: {
          authorization: `Bearer ${key.value}`,
          accept: 'application/json',
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        // The key must not be sent to any other address.
        redirect: 'manual',
        signal,
      })
      return { response, text: await response.text() }
    })
    if (response.status === 204) return undefined
    const parsed = parse(text)
    if (response.ok && isJson(response)) return parsed
    throw isProblem(parsed) ? refusal(parsed, connection) : otherService(response, url)
  }

async function reach<T>(
  url: string,
  deadlineMs: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  try {
    return await work(AbortSignal.timeout(deadlineMs))
  } catch (error) {
    const reason = explain(error, deadlineMs)
    throw new CommandFailure(
      `chat-auth is not reachable at ${url}: ${reason}. Start it, or give the address of its internal listener with --url.`,
      exitCodes.unreachable,
    )
  }
}

function explain(error: unknown, deadlineMs: number): string {
  if (error instanceof DOMException && error.name === 'TimeoutError')
    return `no response within ${deadlineMs / 1000} seconds`
  const { cause = error } = error as { cause?: unknown }
  const { code, message } = cause as { code?: string; message?: string }
  if (code === 'ECONNREFUSED') return 'nothing listens there'
  if (code === 'ENOTFOUND') return 'this host name does not exist'
  return printable(message || code || String(cause))
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const isJson = (response: Response): boolean =>
  /^application\/([\w.+-]+\+)?json\b/.test(response.headers.get('content-type') ?? '')

const isProblem = (body: unknown): body is Problem => {
  const { code, detail } = { ...(body as Partial<Problem> | undefined) }
  return typeof code === 'string' && typeof detail === 'string'
}

/** The codes that the public listener returns for a request with a service key. */
const OF_THE_PUBLIC_LISTENER = ['authentication_required', 'invalid_access_token', 'not_found']

function refusal(problem: Problem, { url, key }: Connection): CommandFailure {
  if (problem.code === 'invalid_service_key') {
    return new CommandFailure(
      `chat-auth at ${url} refused the key from ${key.source}. Set CHAT_AUTH_SERVICE_KEY to one of its ` +
        'SERVICE_KEYS. If it has none, it keeps its own key in DATA_DIR/service-key.',
    )
  }
  if (OF_THE_PUBLIC_LISTENER.includes(problem.code)) {
    return new CommandFailure(
      `${url} is not an internal listener of this version. Use INTERNAL_PORT, not PORT.`,
      exitCodes.unreachable,
    )
  }
  const fields = (problem.errors ?? []).map(({ field, message }) => `${field}: ${message}`)
  const reasons = fields.length > 0 ? fields.join(' ') : problem.detail
  return new CommandFailure(
    `chat-auth refused: ${printable(reasons)} (${printable(problem.code)}, request ${printable(problem.request_id)})`,
  )
}

const otherService = ({ status }: Response, url: string): CommandFailure =>
  new CommandFailure(
    `The server at ${url} is not chat-auth (status ${status}). Give the address of the internal listener with --url.`,
    exitCodes.unreachable,
  )
