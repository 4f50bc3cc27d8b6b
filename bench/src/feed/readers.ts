// A process with many readers of the feed. It records when each of them refuses a session.
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises'
import { createVerifier, TokenRefused, type Verifier } from '../../../verifiers/node/src/index.ts'
import { serveParent } from '../child.ts'
import { sharedNow } from './clock.ts'
import { openLightReader, openStuckReader, type FeedAddress } from './light-reader.ts'

const AT_ONCE = 50
const LONGEST_START_MS = 60_000
/** If all verifiers saw a token, all would report it to the service within a second. No platform does that. */
const ONE_IN = 20
const ATTEMPTS = 20
const RETRY_MS = 500

export interface Session {
  readonly sid: string
  readonly token: string
}

export interface Readers extends FeedAddress {
  readonly issuer: string
  readonly audience: string
  readonly full: number
  readonly light: number
}

/** The verifiers that refused a session so far, and when each did. */
interface Refusals {
  readonly times: number[]
  onAll: () => void
}

const verifiers: Verifier[] = []
/** The sessions whose token a verifier has accepted. */
const seen = new Map<Verifier, Set<string>>()
const tokens = new Map<string, string>()
const sids = new Set<string>()
const refusals = new Map<string, Refusals>()
const errors = new Map<string, number>()
let readerCount = 0

function refused(sid: string): void {
  const found = refusals.get(sid)
  if (found === undefined) return
  found.times.push(sharedNow())
  if (found.times.length === readerCount) found.onAll()
}

function noteRefusal(sid: string, error: unknown): void {
  if (error instanceof TokenRefused && error.code === 'session_ended') refused(sid)
}

async function openVerifier({ url, serviceKey, issuer, audience }: Readers): Promise<void> {
  const verifier = createVerifier({
    url,
    serviceKey,
    issuer,
    audience,
    onError: ({ message }) => errors.set(message, (errors.get(message) ?? 0) + 1),
  })
  await verifier.ready({ timeoutMs: LONGEST_START_MS })
  verifier.onSessionEnded(({ sid }) => {
    if (seen.get(verifier)?.has(sid) !== true) refused(sid)
    // A verifier that accepted the token before must refuse it now.
    else verifier.verify(tokens.get(sid) ?? '').catch((error: unknown) => noteRefusal(sid, error))
  })
  verifiers.push(verifier)
  seen.set(verifier, new Set())
}

async function fewAtOnce(count: number, open: () => Promise<unknown>): Promise<void> {
  let left = count
  const opening = Array.from({ length: AT_ONCE }, async () => {
    while ((left -= 1) >= 0) await open()
  })
  await Promise.all(opening)
}

/** Thousands of verifiers in one process may miss a heartbeat while all are busy. */
async function accept(verifier: Verifier | undefined, sid: string, token: string): Promise<void> {
  if (verifier === undefined) return
  for (let attempt = 1; ; attempt += 1) {
    try {
      await verifier.verify(token)
      seen.get(verifier)?.add(sid)
      return
    } catch (error) {
      const isStale = error instanceof TokenRefused && error.code === 'stale'
      if (!isStale || attempt === ATTEMPTS) throw error
      await delay(RETRY_MS)
    }
  }
}

const handlers = {
  open: async (wanted: Readers): Promise<void> => {
    await fewAtOnce(wanted.full, () => openVerifier(wanted))
    await fewAtOnce(wanted.light, () => openLightReader(wanted, sids, refused))
    readerCount += wanted.full + wanted.light
  },

  openStuck: (place: FeedAddress): Promise<number> => openStuckReader(place),

  /**
   * Announces the session that will end. Every twentieth verifier, a different one each time, accepts its token first.
   */
  show: async (sessions: readonly Session[]): Promise<void> => {
    for (const [place, { sid, token }] of sessions.entries()) {
      tokens.set(sid, token)
      sids.add(sid)
      refusals.set(sid, { times: [], onAll: () => undefined })
      for (let index = place % ONE_IN; index < verifiers.length; index += ONE_IN) {
        await accept(verifiers[index], sid, token)
        await nextTurn()
      }
    }
  },

  /**
   * The times on the shared clock at which the readers refused the session. Waits for all of them, at most `withinMs`.
   */
  refusalsOf: async ({ sid, withinMs }: { sid: string; withinMs: number }): Promise<number[]> => {
    const found = refusals.get(sid)
    if (found === undefined) throw new Error('The session was not shown.')
    if (found.times.length < readerCount) {
      const all = new Promise<void>((resolve) => (found.onAll = resolve))
      await Promise.race([all, delay(withinMs, undefined, { ref: false })])
    }
    return [...found.times]
  },

  condition: () => ({
    cpuMs: process.cpuUsage().user / 1_000 + process.cpuUsage().system / 1_000,
    reconnects: verifiers.reduce((sum, verifier) => sum + verifier.health().feedReconnects, 0),
    errors: Object.fromEntries(errors),
  }),
}

export type ReaderProcess = typeof handlers

serveParent(handlers)
