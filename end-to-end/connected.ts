// Verifiers that follow a running service, and people who are signed in there.
import { EventEmitter, once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { onTestFinished, vi } from 'vitest'
import type { Person, TestClient, Tokens } from '../../../service/test/support/test-client.ts'
import { startTcpProxy, type TcpProxy } from '../../../service/test/support/tcp-proxy.ts'
import { createVerifier, TokenRefused, type SessionEnd, type Verifier } from '../../src/index.ts'
import type { VerifierOptions } from '../../src/index.ts'

/** Where a verifier finds a service: an instance in this process, or a process of its own. */
export interface Instance {
  readonly internalUrl: string
  readonly serviceKey: string
}

/** The least that is allowed, for tests in which verifiers are to become stale. */
export const maxStalenessMs = 2_000
/** For all others: the machine of the tests may have to be waited for. */
const PATIENT_MS = 10_000

export const optionsFor = (
  { internalUrl, serviceKey }: Instance,
  given: Partial<VerifierOptions> = {},
): VerifierOptions => ({
  url: internalUrl,
  serviceKey,
  issuer: 'http://localhost:8000',
  audience: 'chat',
  maxStalenessMs: PATIENT_MS,
  ...given,
})

/** A verifier in sync with the service, until the end of the test. */
export async function connect(instance: Instance, given?: Partial<VerifierOptions>): Promise<Verifier> {
  const verifier = createVerifier(optionsFor(instance, given))
  onTestFinished(() => verifier.close())
  await verifier.ready()
  return verifier
}

/** The same, with a network between the two that the test has in its hands. */
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
  readonly person: Person
  readonly tokens: Tokens
}

export async function signedIn(service: { client(): TestClient }): Promise<SignedIn> {
  const client = service.client()
  const person = await client.register()
  return { client, person, tokens: await client.signIn(person) }
}

export async function signOut({ client, tokens }: Pick<SignedIn, 'client' | 'tokens'>): Promise<void> {
  const { status, body } = await client.delete('/v1/sessions/current', tokens.access_token)
  if (status !== 204) throw new Error(`signing out was answered ${status}: ${JSON.stringify(body)}`)
}

export const ACCEPTED = 'accepted'

/** `accepted`, or the code of the refusal with the end's reason behind it. */
export async function judge(verifier: Verifier, { access_token: token }: Tokens): Promise<string> {
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

/** Waits for what no event tells of. */
export const waitUntil = (isSo: () => boolean | Promise<boolean>): Promise<unknown> =>
  vi.waitUntil(isSo, { timeout: 25_000, interval: 5 })

/** Waits for the next sign of life that the verifier takes for news. */
export async function heartbeat(verifier: Verifier): Promise<void> {
  let previous = verifier.health().stalenessMs
  await waitUntil(() => {
    const { stalenessMs } = verifier.health()
    const isYounger = stalenessMs < previous
    previous = stalenessMs
    return isYounger
  })
}

/** Which ends of sessions a verifier tells of from now on. */
export class Told {
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

/** Somebody who shows the same token every few milliseconds, until the end of the test. */
export class Insistence {
  /** Each verdict that differed from the one before. */
  readonly verdicts: string[] = []
  /** When the last attempt that succeeded was begun, on the monotonic clock. */
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
      const verdict = await judge(verifier, tokens)
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
