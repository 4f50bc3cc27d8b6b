// Verifiers that follow a running service, and users who are signed in.
import { EventEmitter, once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { onTestFinished, vi } from 'vitest'
import type { TestUser, TestClient, Tokens } from '../service/test/support/test-client.ts'
import { startTcpProxy, type TcpProxy } from '../service/test/support/tcp-proxy.ts'
import { createVerifier, TokenRefused, type SessionEnd, type Verifier } from '../verifiers/node/src/index.ts'
import type { VerifierOptions } from '../verifiers/node/src/index.ts'

/** Where a verifier finds a service: an instance in this process, or a process of its own. */
export interface Instance {
  readonly internalUrl: string
  readonly serviceKey: string
}

/** The lowest allowed value, for tests in which verifiers become stale. */
export const maxStalenessMs = 2_000
/** For all other tests, because the machine may be slow. */
const USUAL_STALENESS_MS = 10_000

export const optionsFor = (
  { internalUrl, serviceKey }: Instance,
  given: Partial<VerifierOptions> = {},
): VerifierOptions => ({
  url: internalUrl,
  serviceKey,
  issuer: 'http://localhost:8000',
  audience: 'chat',
  maxStalenessMs: USUAL_STALENESS_MS,
  ...given,
})

/** A verifier in sync with the service, until the end of the test. */
export async function connect(instance: Instance, given?: Partial<VerifierOptions>): Promise<Verifier> {
  const verifier = createVerifier(optionsFor(instance, given))
  onTestFinished(() => verifier.close())
  await verifier.ready()
  return verifier
}

/** The same, through a proxy with which the test controls the network. */
export async function connectThroughProxy(
  instance: Instance,
  given?: Partial<VerifierOptions>,
): Promise<{ verifier: Verifier; proxy: TcpProxy }> {
  const proxy = await proxyTo(instance.internalUrl)
  return { verifier: await connect(behind(proxy, instance), given), proxy }
}

export async function proxyTo(url: string): Promise<TcpProxy> {
  const { hostname: host, port } = new URL(url)
  const proxy = await startTcpProxy({ host, port: Number(port) })
  onTestFinished(() => proxy.close())
  return proxy
}

export const behind = ({ port }: { port: number }, { serviceKey }: Instance): Instance => ({
  internalUrl: `http://127.0.0.1:${port}`,
  serviceKey,
})

export interface SignedIn {
  readonly client: TestClient
  readonly person: TestUser
  readonly tokens: Tokens
}

export async function signedIn(service: { client(): TestClient }): Promise<SignedIn> {
  const client = service.client()
  const person = await client.register()
  return { client, person, tokens: await client.signIn(person) }
}

export async function signOut({ client, tokens }: Pick<SignedIn, 'client' | 'tokens'>): Promise<void> {
  const { status, body } = await client.delete('/v1/sessions/current', tokens.access_token)
  if (status !== 204) throw new Error(`signing out failed with status ${status}: ${JSON.stringify(body)}`)
}

export const ACCEPTED = 'accepted'

/** `accepted`, or the code of the refusal, followed by the reason of the end. */
export async function verdictOnToken(verifier: Verifier, { access_token: token }: Tokens): Promise<string> {
  return verdictOn(verifier.verify(token))
}

export async function verdictOn(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt
    return ACCEPTED
  } catch (error) {
    if (!(error instanceof TokenRefused)) throw error
    return error.reason === undefined ? error.code : endedAs(error.reason)
  }
}

export const endedAs = (reason: string): string => `session_ended, ${reason}`

/** Polls a condition for which there is no event. */
export const waitUntil = (isSo: () => boolean | Promise<boolean>): Promise<unknown> =>
  vi.waitUntil(isSo, { timeout: 60_000, interval: 5 })

/** Waits for the next heartbeat that makes the verifier fresher. */
export async function heartbeat(verifier: Verifier): Promise<void> {
  let previous = verifier.health().stalenessMs
  await waitUntil(() => {
    const { stalenessMs } = verifier.health()
    const isYounger = stalenessMs < previous
    previous = stalenessMs
    return isYounger
  })
}

/** The ends of sessions that a verifier reports from now on. */
export class ReportedEnds {
  readonly ends: SessionEnd[] = []
  readonly #news = new EventEmitter()

  constructor(verifier: Verifier) {
    verifier.onSessionEnded((end) => {
      this.ends.push(end)
      this.#news.emit('end')
    })
  }

  async until(isSo: (ends: readonly SessionEnd[]) => boolean): Promise<void> {
    while (!isSo(this.ends)) await once(this.#news, 'end')
  }

  of = (...sids: readonly string[]): Promise<void> =>
    this.until((ends) => sids.every((sid) => ends.some((end) => end.sid === sid)))
}

/** Verifies the same token every few milliseconds until the end of the test. */
export class RepeatedVerification {
  /** Each verdict that differed from the one before. */
  readonly verdicts: string[] = []
  /** When the last accepted attempt began, on the monotonic clock. */
  lastAcceptedAt = -Infinity
  readonly #news = new EventEmitter()
  #isOver = false

  constructor(verifier: Verifier, tokens: Tokens) {
    const insisting = this.#insist(verifier, tokens)
    onTestFinished(() => {
      this.#isOver = true
      return insisting
    })
  }

  async #insist(verifier: Verifier, tokens: Tokens): Promise<void> {
    while (!this.#isOver) {
      const begunAt = performance.now()
      const verdict = await verdictOnToken(verifier, tokens)
      if (verdict === ACCEPTED) this.lastAcceptedAt = begunAt
      if (verdict !== this.verdicts.at(-1)) {
        this.verdicts.push(verdict)
        this.#news.emit('verdict')
      }
      await pause(2)
    }
  }

  async until(verdict: string): Promise<void> {
    while (this.verdicts.at(-1) !== verdict) await once(this.#news, 'verdict')
  }
}
