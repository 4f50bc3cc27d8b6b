import { EventEmitter, once } from 'node:events'
import { setTimeout as rest } from 'node:timers/promises'
import { NO_LOG, outcomeOf, type OperationLog } from './acknowledged-record.ts'
import type { SeededRandom } from './seeded-random.ts'
import { TestClient, type ApiResponse, type TestUser, type Tokens } from './test-client.ts'

/** A client that got a 503 waits a moment, so that an outage does not cause a busy loop. */
const pause = () => new Promise((resolve) => setTimeout(resolve, 20))

/** The number of attempts before a client reports that the service does not recover. */
export const MAX_ATTEMPTS = 200

const REUSED = 'refresh_token_reused'

/** An outcome that a client must never see. */
export interface Violation {
  /** `lost`: acknowledged and then undone. `false logout`: signed out for a reason that the user did not cause. */
  readonly kind: 'lost' | 'false logout' | 'other'
  readonly what: string
}

export const describeResponse = ({ status, body }: ApiResponse): string =>
  `got ${status} ${JSON.stringify(body)}`

/** A missing response is allowed, and so is a 503 with Retry-After. After a 503 this waits a moment. */
export async function isRetryable(response: ApiResponse | undefined): Promise<boolean> {
  if (response === undefined) return true
  if (response.status !== 503 || !(Number(response.headers.get('retry-after')) > 0)) return false
  await pause()
  return true
}

/** Instances of the service. If one does not respond, the next request goes to the next one. */
export class Addresses {
  #urls: readonly string[]

  constructor(urls: readonly string[]) {
    this.#urls = urls
  }

  moveTo(urls: readonly string[]): void {
    this.#urls = urls
  }

  async ask(request: (client: TestClient) => Promise<ApiResponse>): Promise<ApiResponse | undefined> {
    const [first = '', ...others] = this.#urls
    try {
      return await request(new TestClient(first))
    } catch {
      // moveTo() may have changed the list meanwhile.
      if (this.#urls[0] === first) this.#urls = [...others, first]
      await pause()
      return undefined
    }
  }
}

/**
 * A client that behaves correctly while the service or its database fails. It sends the newest token it received, keeps
 * it if no response arrives, and records every outcome that a user must never see. Nobody else has its tokens.
 */
export class CheckingClient {
  readonly violations: Violation[] = []
  /** `unsure`: the end was requested but not acknowledged, so the session may or may not have ended. */
  state: 'live' | 'unsure' | 'ended' = 'live'
  readonly session: string
  #mayBeWithdrawn = false
  #isWithdrawn = false
  #tokens: { readonly access: string; readonly refresh: string }
  /** The previous refresh token, and the one before that. */
  #spent: string | undefined
  #longSpent: string | undefined
  readonly #addresses: Addresses
  readonly #log: OperationLog
  /** The reasons for which the session may have ended. */
  readonly #reasons = new Set<string>()

  constructor(tokens: Tokens, urls: readonly string[], log = NO_LOG) {
    this.session = tokens.session.id
    this.#tokens = { access: tokens.access_token, refresh: tokens.refresh_token }
    this.#addresses = new Addresses(urls)
    this.#log = log
  }

  static async signUp(urls: readonly string[]): Promise<{ person: TestUser; client: CheckingClient }> {
    const transport = new TestClient(urls[0] ?? '')
    const person = await transport.register()
    return { person, client: new CheckingClient(await transport.signIn(person), urls) }
  }

  moveTo(...urls: readonly string[]): void {
    this.#addresses.moveTo(urls)
  }

  get accessToken(): string {
    return this.#tokens.access
  }

  /** Whether a change of the password without a response took the tokens of this client. Its session may be live. */
  get isWithdrawn(): boolean {
    return this.#isWithdrawn
  }

  /** Performs one random action. Returns whether it was acknowledged. */
  async act(random: SeededRandom, signOutProbability = 0.02): Promise<boolean> {
    if (random.isTrue(signOutProbability)) return this.signOut()
    return random.isTrue(0.6) ? this.refresh() : this.readSelf()
  }

  async refresh(): Promise<boolean> {
    const wasEnded = this.state === 'ended'
    const before = this.#tokens
    const { refresh: presented, access } = before
    const generation = generationOf(access) + 1
    const response = await this.#addresses.ask((client) => client.refresh(presented))
    this.#log.note({ what: 'refresh', session: this.session, generation }, outcomeOf(response))
    if (response?.status !== 200)
      return this.#wasWithdrawn(before, response) || this.refused('refresh', response)
    if (wasEnded)
      this.violations.push({ kind: 'lost', what: `the ended session ${this.session} was refreshed` })
    const given = response.body as Tokens
    // Meanwhile a change of the password withdrew this pair.
    if (this.#tokens !== before) return true
    if (generationOf(given.access_token) !== generation) {
      this.#unexpected(`expected generation ${generation}, got ${generationOf(given.access_token)}`)
    }
    if (given.refresh_token !== presented) {
      this.#longSpent = this.#spent
      this.#spent = presented
    }
    this.#tokens = { access: given.access_token, refresh: given.refresh_token }
    return true
  }

  async readSelf(): Promise<boolean> {
    const wasEnded = this.state === 'ended'
    const before = this.#tokens
    const response = await this.ask((client, token) => client.get('/v1/users/me', token))
    if (response?.status !== 200)
      return this.#wasWithdrawn(before, response) || this.refused('read', response)
    if (wasEnded)
      this.violations.push({ kind: 'lost', what: `the ended session ${this.session} was accepted` })
    return true
  }

  async signOut(): Promise<boolean> {
    this.mayEnd('signed_out')
    const response = await this.ask((client, token) => client.delete('/v1/sessions/current', token))
    if (response?.status !== 204) return this.refused('sign-out', response)
    this.state = 'ended'
    return true
  }

  /** From now on the tokens may have been withdrawn by a change of the password on this device. */
  mayBeWithdrawn(): void {
    this.#mayBeWithdrawn = true
  }

  /** The tokens that a change of the password returned. Earlier versions return none, and the tokens stay. */
  renew(tokens: Tokens | undefined): void {
    this.#mayBeWithdrawn = this.#isWithdrawn = false
    if (this.state === 'ended') this.state = 'live'
    if (tokens === undefined) return
    this.#tokens = { access: tokens.access_token, refresh: tokens.refresh_token }
    this.#spent = this.#longSpent = undefined
  }

  /** From now on the session may have ended for this reason. */
  mayEnd(reason: string): void {
    this.#reasons.add(reason)
    if (this.state === 'live') this.state = 'unsure'
  }

  /**
   * After a fault, the newest token works. A duplicate call with the previous token, as after a lost response, gets the
   * same successor. After that, the successor still works.
   */
  async checkContinues(): Promise<void> {
    const before = this.#tokens.refresh
    const went = await this.#refreshUntilAnswered()
    if (this.state === 'ended' || !went) return
    const twin = await this.#addresses.ask((client) => client.refresh(before))
    if (twin?.status !== 200) await this.refused('duplicate refresh', twin)
    else if ((twin.body as Tokens).refresh_token !== this.#tokens.refresh) {
      this.#unexpected('the previous token has a different successor')
    }
    await this.#refreshUntilAnswered()
  }

  /** After a fault, the ended session accepts neither its newest token nor the one before it. */
  async checkStaysEnded(): Promise<void> {
    await this.refresh()
    const spent = this.#spent
    if (spent === undefined) return
    const twin = await this.#addresses.ask((client) => client.refresh(spent))
    if (twin?.status !== 200) await this.refused('duplicate refresh', twin)
    else
      this.violations.push({
        kind: 'lost',
        what: `a duplicate call refreshed the ended session ${this.session}`,
      })
  }

  /**
   * Replays a token from two refreshes ago while the newest one is in use. A lost response cannot explain that, so the
   * service must report a theft and end the session for its owner too.
   */
  async checkReplayEndsIt(): Promise<void> {
    const stolen = this.#longSpent
    if (stolen === undefined) {
      this.#unexpected('was not refreshed twice')
      return
    }
    await this.readSelf()
    this.mayEnd(REUSED)
    const response = await this.#addresses.ask((client) => client.refresh(stolen))
    const isReported = response?.status === 401 && codeOf(response) === REUSED
    const ends = [{ session: this.session, reason: REUSED }]
    this.#log.note({ what: 'replay', ends }, isReported ? 'acknowledged' : 'unknown')
    if (!isReported) this.#unexpected(`a replay ${response ? describeResponse(response) : 'got no response'}`)
    await this.refresh()
    if (this.state !== 'ended') this.#unexpected('is still live after a replay')
  }

  /** A refusal counts as a response too. */
  async #refreshUntilAnswered(): Promise<boolean> {
    const violations = this.violations.length
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      if (await this.refresh()) return true
      if (this.state === 'ended' || this.violations.length > violations) return false
    }
    this.#unexpected('cannot refresh although the service has recovered')
    return false
  }

  /** Sends a request with the newest access token. */
  ask(
    request: (client: TestClient, token: string) => Promise<ApiResponse>,
  ): Promise<ApiResponse | undefined> {
    const { access } = this.#tokens
    return this.#addresses.ask((client) => request(client, access))
  }

  /**
   * Records a refusal as a violation unless it is allowed: no response, a 503 with Retry-After, or an end that was requested.
   * Returns whether it was a requested end.
   */
  async refused(what: string, response: ApiResponse | undefined): Promise<boolean> {
    if (response === undefined || (await isRetryable(response))) return false
    const { reason } = (response.body ?? {}) as { reason?: string }
    const isOwnEnd = codeOf(response) === 'session_ended' && this.#reasons.has(reason ?? '')
    const isWithdrawn = this.#mayBeWithdrawn && WITHDRAWN.includes(codeOf(response))
    this.#isWithdrawn ||= isWithdrawn
    if (isOwnEnd || isWithdrawn) this.state = 'ended'
    else {
      const kind = response.status === 401 && this.state !== 'ended' ? 'false logout' : 'other'
      this.violations.push({
        kind,
        what: `${what} of ${this.session}, ${this.state}, ${describeResponse(response)}`,
      })
    }
    return isOwnEnd || isWithdrawn
  }

  /** A refusal of tokens that a change of the password replaced while they were presented. */
  #wasWithdrawn(presented: object, response: ApiResponse | undefined): boolean {
    return this.#tokens !== presented && response !== undefined && WITHDRAWN.includes(codeOf(response))
  }

  #unexpected(what: string): void {
    this.violations.push({ kind: 'other', what: `${this.session}: ${what}` })
  }
}

const WITHDRAWN = ['invalid_access_token', 'invalid_refresh_token']

/** The error code of a refusal. */
export const codeOf = ({ body }: ApiResponse): string =>
  (body as { code?: string } | undefined)?.code ?? 'no code'

export const generationOf = (accessToken: string): number =>
  (JSON.parse(Buffer.from(accessToken.split('.')[1] ?? '', 'base64url').toString()) as { gen: number }).gen

/** `act` performs one action and resolves to whether it was acknowledged. */
interface Actor {
  act(random: SeededRandom, signOutProbability?: number): Promise<boolean>
}

/** A session may read 600 times a minute at one instance, however fast the machine is and however long the test takes. */
const REST_MS = 120

/** Runs many clients in parallel. Each performs one action after another until `stop`. */
export class Traffic {
  readonly #events = new EventEmitter()
  readonly #loops: Promise<unknown>
  #acknowledged = 0
  #isStopped = false

  constructor(clients: readonly Actor[], random: SeededRandom, signOutProbability?: number) {
    this.#loops = Promise.all(clients.map((client) => this.#run(client, random, signOutProbability)))
  }

  async #run(client: Actor, random: SeededRandom, signOutProbability?: number): Promise<void> {
    while (!this.#isStopped) {
      if (await client.act(random, signOutProbability)) this.#acknowledged += 1
      this.#events.emit('acted')
      await rest(REST_MS)
    }
  }

  /** Waits for `count` more acknowledgements. */
  async acknowledged(count: number): Promise<void> {
    const wanted = this.#acknowledged + count
    while (this.#acknowledged < wanted) await once(this.#events, 'acted')
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#loops
  }
}
