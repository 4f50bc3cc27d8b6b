// Talks to chat-auth, and keeps this window's tokens. They live in sessionStorage, so each window is a device of its own.
// (A *duplicated* tab would start with a copy of them: open a new one instead.)
const authUrl = document.querySelector('meta[name="auth-url"]').content
const STORED_AS = 'chat-auth-demo'
const PATIENCE_MS = 10_000

/** A refusal of chat-auth, or `unreachable`. */
export class Problem extends Error {
  constructor({ code, detail, reason, errors }) {
    super(detail)
    this.code = code
    this.reason = reason
    this.errors = errors ?? []
  }
}

/** There is nothing left to refresh; `reason` says why, if anybody knows. */
export class SessionEnded extends Error {
  constructor(reason) {
    super('session ended')
    this.reason = reason
  }
}

async function call(method, path, { body, token } = {}) {
  const headers = {}
  if (body !== undefined) headers['content-type'] = 'application/json'
  if (token !== undefined) headers.authorization = `Bearer ${token}`
  const request = { method, headers, signal: AbortSignal.timeout(PATIENCE_MS) }
  if (body !== undefined) request.body = JSON.stringify(body)
  let response
  let text
  try {
    response = await fetch(authUrl + path, request)
    text = await response.text()
  } catch {
    throw new Problem({ code: 'unreachable', detail: 'chat-auth is unreachable. Is it running?' })
  }
  const content = text === '' ? undefined : JSON.parse(text)
  if (!response.ok) throw new Problem(content)
  return content
}

let tokens = JSON.parse(sessionStorage.getItem(STORED_AS))

function keep({ access_token, refresh_token, expires_in, session }) {
  const now = Date.now()
  tokens = {
    access_token,
    refresh_token,
    sid: session.id,
    device: session.device_name,
    // Well before it runs out, whatever this clock thinks the time is.
    refreshAt: now + (expires_in * 1000 * 2) / 3,
  }
  sessionStorage.setItem(STORED_AS, JSON.stringify(tokens))
}

export function forget() {
  tokens = null
  sessionStorage.removeItem(STORED_AS)
}

export const isSignedIn = () => tokens !== null
export const accessToken = () => tokens?.access_token
export const deviceName = () => tokens?.device
export const millisecondsToRefresh = () => Math.max(0, (tokens?.refreshAt ?? 0) - Date.now())

export const signUp = (person) => call('POST', '/v1/users', { body: person })

export async function signIn(username, password, deviceName) {
  const body = { username, password, device_name: deviceName }
  const begun = await call('POST', '/v1/sessions', { body })
  // 200 and not 201: the password is right, and a code is needed (docs/factors.md).
  if (begun.challenge !== undefined) {
    const detail = 'This account has a second factor, and this demo does not ask for the code.'
    throw new Problem({ code: 'second_factor_required', detail })
  }
  keep(begun)
}

let refreshing

/** Trades the refresh token for the next pair, once, however many ask. Throws SessionEnded, or a Problem: try again. */
export function refresh() {
  refreshing ??= trade().finally(() => (refreshing = undefined))
  return refreshing
}

async function trade() {
  if (tokens === null) throw new SessionEnded('signed_out')
  try {
    keep(await call('POST', '/v1/sessions/refresh', { body: { refresh_token: tokens.refresh_token } }))
  } catch (problem) {
    throw endIn(problem) ?? problem
  }
}

/** Enters the password again. The new tokens replace those of this window. Throws a Problem, such as for a wrong password. */
export async function reauthenticate(password) {
  // A refresh at the same time would bring tokens that this call withdraws.
  await refreshing
  const request = { body: { current_password: password }, token: accessToken() ?? '' }
  refreshing = call('POST', '/v1/sessions/current/reauthenticate', request)
    .then(keep)
    .finally(() => (refreshing = undefined))
  return refreshing
}

function endIn({ code, reason }) {
  if (code === 'session_ended') return new SessionEnded(reason)
  if (code === 'refresh_token_reused') return new SessionEnded(code)
  return code === 'invalid_refresh_token' ? new SessionEnded(undefined) : undefined
}

/** A call with this user's access token; refreshes once if it has expired. Throws SessionEnded or a Problem. */
export async function ask(method, path) {
  try {
    return await call(method, path, { token: accessToken() ?? '' })
  } catch (problem) {
    if (problem.code !== 'invalid_access_token') throw endIn(problem) ?? problem
  }
  await refresh()
  try {
    return await call(method, path, { token: accessToken() ?? '' })
  } catch (problem) {
    throw endIn(problem) ?? problem
  }
}
