import { systemClock, type Clock } from './clock.ts'
import { createErrorReport } from './error-report.ts'
import { Readiness } from './feed/readiness.ts'
import { RevocationFeed } from './feed/revocation-feed.ts'
import { Subscribers } from './feed/subscribers.ts'
import { readOptions } from './options.ts'
import { createJsonRequests } from './service/json-requests.ts'
import { createSharedSecret, KeySet } from './service/key-set.ts'
import { Receipts } from './service/receipts.ts'
import type { GuardSource } from './sockets/guard-source.ts'
import { createSocketGuard } from './sockets/socket-guard.ts'
import { TokenRefused } from './token/token-refused.ts'
import type { Verifier, VerifierOptions, WhenStale } from './types.ts'
import { describeHealth } from './verification/describe-health.ts'
import { LocalVerifier } from './verification/local-verifier.ts'

/** How long `close` waits for the last receipts. */
const CLOSE_TIMEOUT_MS = 2_000

/**
 * Starts a verifier. It fetches the keys and follows the revocation feed in the background until `close()`, and does not
 * keep the process alive. Throws a `TypeError` for invalid options.
 *
 * @example
 * ```ts
 * const verifier = createVerifier({
 *   url: 'http://auth:8010',
 *   serviceKey: process.env.SERVICE_KEY ?? '',
 *   issuer: 'https://auth.example',
 *   audience: 'chat',
 * })
 * await verifier.ready()
 * const claims = await verifier.verify(token)
 * ```
 */
export const createVerifier = (options: VerifierOptions): Verifier => createVerifierAt(options, systemClock)

/** @internal For tests, which control time and randomness. */
export function createVerifierAt(options: VerifierOptions, clock: Clock): Verifier {
  const settings = readOptions(options)
  const { serviceKey, sharedSecret, whenStale } = settings
  let lastError: Error | undefined
  const report = createErrorReport(settings.onError, clock, settings.repeatErrorsAfterMs)
  const onError = (error: Error): void => {
    lastError = error
    report(error)
  }
  const requests = createJsonRequests(settings.base, clock)
  const { send } = requests
  const feed = new RevocationFeed({
    settings,
    clock,
    hasKeys: () => keys.size > 0,
    onError,
    onAccepted: () => readiness.accept(),
    onRefused: (error) => readiness.refuse(error),
  })
  const keys =
    sharedSecret === undefined
      ? new KeySet({ send, clock, onError, onKeys: () => feed.freshness.update() })
      : createSharedSecret(sharedSecret)
  const receipts = new Receipts({ send, serviceKey, clock, onError })
  const calls = { send, serviceKey, clock, onError }
  const local = new LocalVerifier({ settings, clock, keys, feed, receipts, calls })
  const readiness = new Readiness(feed.freshness, clock)
  const onClosed = new Subscribers<[closesSockets: boolean]>(onError)
  let closing: Promise<void> | undefined
  let hasClosed = false
  const isClosed = (): boolean => hasClosed

  async function close(): Promise<void> {
    hasClosed = true
    onClosed.notify(whenStale === 'refuse')
    readiness.close()
    feed.close()
    keys.close()
    let cancelTimer = (): void => undefined
    const timeout = new Promise<void>((resolve) => (cancelTimer = clock.after(CLOSE_TIMEOUT_MS, resolve)))
    await Promise.race([receipts.close(), timeout])
    cancelTimer()
    requests.close()
  }

  const refuse = (): Promise<never> =>
    Promise.reject(new TokenRefused('unavailable', { message: 'The verifier is closed.' }))

  const verifier: Verifier = {
    ready: (readyOptions = {}) => readiness.wait(readyOptions, () => lastError),
    verify: (token, requirements) => (isClosed() ? refuse() : local.verify(token, requirements)),
    verifyDelivery: (token) => (isClosed() ? refuse() : local.verifyDelivery(token)),
    redeemTicket: (ticket, origin) => (isClosed() ? refuse() : local.redeemTicket(ticket, origin)),
    onSessionEnded: (listener) => feed.onEnd.subscribe(listener),
    health: () => describeHealth({ feed, keys, local, receipts }),
    guardSockets: () =>
      createSocketGuard(guardSource({ feed, local, verifier, onClosed, isClosed, whenStale, clock }), clock),
    close: () => (closing ??= close()),
  }
  void keys.refresh()
  feed.open()
  return verifier
}

interface GuardSourceParts {
  readonly feed: RevocationFeed
  readonly local: LocalVerifier
  readonly verifier: Verifier
  readonly onClosed: Subscribers<[closesSockets: boolean]>
  readonly isClosed: () => boolean
  readonly whenStale: WhenStale
  readonly clock: Clock
}

function guardSource(parts: GuardSourceParts): GuardSource {
  const { feed, local, verifier, onClosed, isClosed, whenStale, clock } = parts
  const isRefusing = (): boolean => whenStale === 'refuse' && !feed.isFresh()
  return {
    onSessionEnded: (listener) => feed.onEnd.subscribe(listener),
    onStale: (listener) => feed.onStale.subscribe(() => (isRefusing() ? listener() : undefined)),
    onClosed: (listener) => onClosed.subscribe(listener),
    isClosed,
    endReasonOf: (sid) => feed.reasonOf(sid),
    onTokensOutdated: (listener) => feed.onOutdated.subscribe(listener),
    isOutdated: (claims) => local.isOutdated(claims),
    isRefusing,
    forgottenUpTo: () => feed.forgottenUpTo,
    serviceNow: () => feed.serviceTimeMs() ?? clock.wallMs(),
    verify: (token) => verifier.verify(token),
  }
}
