import type { Surroundings } from '../../interface-adapters/cli/command.ts'
import { CommandFailure, exitCodes } from '../../interface-adapters/cli/exit-codes.ts'
import { printable } from '../../interface-adapters/cli/text.ts'
import type { Connection } from './connection.ts'

/** Longer than the service takes for anything: its own deadlines are a few seconds each. */
const DEADLINE_MS = 30_000

interface Problem {
  readonly code: string
  readonly detail: string
  readonly request_id: string
  readonly errors?: readonly { field: string; message: string }[]
}

/** Calls to the service at `url` with the key. Every failure says what to do; the key is in none. */
export const callsTo =
  (connection: Connection, deadlineMs = DEADLINE_MS): Surroundings['call'] =>
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
        // The key is for this address alone.
        redirect: 'manual',
        signal,
      })
      return { response, text: await response.text() }
    })
    if (response.status === 204) return undefined
    const answered = parse(text)
    if (response.ok && isJson(response)) return answered
    throw isProblem(answered) ? refusal(answered, connection) : stranger(response, url)
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
      `chat-auth is not reachable at ${url}: ${reason}. Is it running? Start it, or name its internal listener with --url.`,
      exitCodes.notReachable,
    )
  }
}

function explain(error: unknown, deadlineMs: number): string {
  if (error instanceof DOMException && error.name === 'TimeoutError')
    return `no answer within ${deadlineMs / 1000} seconds`
  const { cause = error } = error as { cause?: unknown }
  const { code, message } = cause as { code?: string; message?: string }
  if (code === 'ECONNREFUSED') return 'nothing listens there'
  if (code === 'ENOTFOUND') return 'nobody knows this host'
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

/** What the public listener says of service keys. */
const OF_THE_PUBLIC_LISTENER = ['authentication_required', 'invalid_access_token', 'not_found']

function refusal(problem: Problem, { url, key }: Connection): CommandFailure {
  if (problem.code === 'invalid_service_key') {
    return new CommandFailure(
      `chat-auth at ${url} refused the key from ${key.source}. Give it one of its SERVICE_KEYS with ` +
        'CHAT_AUTH_SERVICE_KEY; a service without keeps the one it made in DATA_DIR/service-key.',
    )
  }
  if (OF_THE_PUBLIC_LISTENER.includes(problem.code)) {
    return new CommandFailure(
      `${url} does not serve operators. Is that the internal listener (INTERNAL_PORT, not PORT), and of this version?`,
      exitCodes.notReachable,
    )
  }
  const fields = (problem.errors ?? []).map(({ field, message }) => `${field}: ${message}`)
  const words = fields.length > 0 ? fields.join(' ') : problem.detail
  return new CommandFailure(
    `chat-auth refused: ${printable(words)} (${printable(problem.code)}, request ${printable(problem.request_id)})`,
  )
}

const stranger = ({ status }: Response, url: string): CommandFailure =>
  new CommandFailure(
    `What answers at ${url} is not chat-auth (status ${status}). Name the internal listener with --url.`,
    exitCodes.notReachable,
  )
