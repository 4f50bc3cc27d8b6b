import { systemClock, type Clock } from './clock.ts'
import { describeHealth } from './describe-health.ts'
import { EndedSessions } from './ended-sessions.ts'
import { createErrorReport } from './error-report.ts'
import { createJsonRequests } from './json-requests.ts'
import { createSharedSecret, KeySet } from './key-set.ts'
import { LocalVerifier } from './local-verifier.ts'
import { readOptions } from './options.ts'
import { Readiness } from './readiness.ts'
import { Receipts } from './receipts.ts'
import { createSocketGuard } from './socket-guard.ts'
import { TokenRefused } from './token-refused.ts'
import type { GuardSource, Verifier, VerifierOptions, WhenStale } from './types.ts'

/** For the last receipts. */
const CLOSING_MS = 2_000

/**
 * Starts a verifier: it fetches the keys and follows the feed of ended sessions from now on, until `close()`. Its timers
 * and its feed hold no process open. Throws a `TypeError` for options that cannot be right.
 */
export const createVerifier = (options: VerifierOptions): Verifier => createVerifierAt(options, systemClock)

/** @internal With time and chance in the caller's hands, for tests. */
export function createVerifierAt(options: VerifierOptions, clock: Clock): Verifier {
  const settings = readOptions(options)
  const { serviceKey, sharedSecret, whenStale } = settings
  let lastError: Error | undefined
  const onError = createErrorReport((error) => {
    lastError = error
    settings.onError(error)
  }, clock)
  const requests = createJsonRequests(settings.base, clock)
  const { send } = requests
  const sessions = new EndedSessions({ settings, clock, hasKeys: () => keys.size > 0, onError })
  const keys =
    sharedSecret === undefined
      ? new KeySet({ send, clock, onError, onKeys: () => sessions.freshness.update() })
      : createSharedSecret(sharedSecret)
  const receipts = new Receipts({ send, serviceKey, clock })
  const calls = { send, serviceKey, clock, onError }
  const local = new LocalVerifier({ settings, clock, keys, sessions, receipts, calls })
  const readiness = new Readiness(sessions.freshness, clock)
  let closing: Promise<void> | undefined

  async function close(): Promise<void> {
    readiness.close()
    sessions.close()
    keys.close()
    let cancelTimer = (): void => undefined
    const late = new Promise<void>((resolve) => (cancelTimer = clock.after(CLOSING_MS, resolve)))
    await Promise.race([receipts.close(), late])
    cancelTimer()
    requests.close()
  }

  const refuse = (): Promise<never> =>
    Promise.reject(new TokenRefused('unavailable', { message: 'The verifier is closed.' }))

  const verifier: Verifier = {
    ready: (wanted = {}) => readiness.wait(wanted, () => lastError),
    verify: (token) => (closing === undefined ? local.verify(token) : refuse()),
    redeemTicket: (ticket, origin) => (closing === undefined ? local.redeemTicket(ticket, origin) : refuse()),
    onSessionEnded: (listener) => sessions.onEnd.add(listener),
    health: () => describeHealth({ sessions, keys, local, receipts }),
    guardSockets: () => createSocketGuard(guardSource({ sessions, local, verifier, whenStale, clock })),
    close: () => (closing ??= close()),
  }
  void keys.refresh()
  sessions.feed.open()
  return verifier
}

interface GuardSourceParts {
  readonly sessions: EndedSessions
  readonly local: LocalVerifier
  readonly verifier: Verifier
  readonly whenStale: WhenStale
  readonly clock: Clock
}

function guardSource({ sessions, local, verifier, whenStale, clock }: GuardSourceParts): GuardSource {
  const isRefusing = (): boolean => whenStale === 'refuse' && !sessions.isFresh()
  return {
    onSessionEnded: (listener) => sessions.onEnd.add(listener),
    onStale: (listener) => sessions.onStale.add(() => (isRefusing() ? listener() : undefined)),
    endReasonOf: (sid) => sessions.reasonOf(sid),
    onTokensOutdated: (listener) => sessions.onOutdated.add(listener),
    isOutdated: (claims) => local.isOutdated(claims),
    isRefusing,
    serviceNow: () => sessions.serviceTimeMs() ?? clock.wallMs(),
    verify: (token) => verifier.verify(token),
  }
}
