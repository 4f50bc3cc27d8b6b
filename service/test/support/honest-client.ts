import { EventEmitter, once } from 'node:events'
import { NO_DIARY, outcomeOf, type Diary } from './acknowledged-record.ts'
import type { SeededRandom } from './seeded-random.ts'
import { TestClient, type Answer, type Person, type Tokens } from './test-client.ts'

/** A client told to come back later waits a moment, so that an outage is no busy loop. */
const pause = () => new Promise((resolve) => setTimeout(resolve, 20))

/** So often somebody is told to come back later before they complain. */
export const PATIENCE = 200

const REUSED = 'refresh_token_reused'

/** What nobody must ever see. */
export interface Wrong {
  /** `lost`: acknowledged, and not true any more. `false logout`: signed out for no reason a person would know. */
  readonly kind: 'lost' | 'false logout' | 'other'
  readonly what: string
}

export const answered = ({ status, body }: Answer): string => `was answered ${status} ${JSON.stringify(body)}`

/** Going without an answer is no wrong, nor is a 503 that says when to come back: that one takes a moment here. */
export async function isPutOff(answer: Answer | undefined): Promise<boolean> {
  if (answer === undefined) return true
  if (answer.status !== 503 || !(Number(answer.headers.get('retry-after')) > 0)) return false
  await pause()
  return true
}

/** Instances of the service, tried in turn: the next one when one does not answer. */
export class Addresses {
  #urls: readonly string[]

  constructor(urls: readonly string[]) {
    this.#urls = urls
  }

  moveTo(urls: readonly string[]): void {
    this.#urls = urls
  }

  async ask(request: (client: TestClient) => Promise<Answer>): Promise<Answer | undefined> {
    const [first = '', ...others] = this.#urls
    try {
      return await request(new TestClient(first))
    } catch {
      // Somebody may have moved them meanwhile.
      if (this.#urls[0] === first) this.#urls = [...others, first]
      await pause()
      return undefined
    }
  }
}

/**
 * Somebody who does everything right while the service or its database dies under them: presents the newest token they
 * received, keeps it when no answer comes, and notes whatever a person must never see. They alone hold their tokens.
 */
export class HonestClient {
  readonly wrongs: Wrong[] = []
  /** `unsure`: an end was asked for and not acknowledged, so the session may be over or not. */
  state: 'live' | 'unsure' | 'ended' = 'live'
  readonly session: string
  #tokens: { readonly access: string; readonly refresh: string }
  /** The refresh token before the newest, and the one before that. */
  #spent: string | undefined
  #longSpent: string | undefined
  readonly #addresses: Addresses
  readonly #diary: Diary
  /** Why the session may be over. */
  readonly #reasons = new Set<string>()

  constructor(tokens: Tokens, urls: readonly string[], diary = NO_DIARY) {
    this.session = tokens.session.id
    this.#tokens = { access: tokens.access_token, refresh: tokens.refresh_token }
    this.#addresses = new Addresses(urls)
    this.#diary = diary
  }

  static async signUp(urls: readonly string[]): Promise<{ person: Person; client: HonestClient }> {
    const transport = new TestClient(urls[0] ?? '')
    const person = await transport.register()
    return { person, client: new HonestClient(await transport.signIn(person), urls) }
  }

  moveTo(...urls: readonly string[]): void {
    this.#addresses.moveTo(urls)
  }

  get accessToken(): string {
    return this.#tokens.access
  }

  /** One thing such a client does. Answers whether it was acknowledged. */
  async act(random: SeededRandom, signOutProbability = 0.02): Promise<boolean> {
    if (random.isTrue(signOutProbability)) return this.signOut()
    return random.isTrue(0.6) ? this.refresh() : this.readSelf()
  }

  async refresh(): Promise<boolean> {
    const wasEnded = this.state === 'ended'
    const { refresh: presented, access } = this.#tokens
    const generation = generationOf(access) + 1
    const answer = await this.#addresses.ask((client) => client.refresh(presented))
    this.#diary.note({ what: 'refresh', session: this.session, generation }, outcomeOf(answer))
    if (answer?.status !== 200) return this.refused('refresh', answer)
    if (wasEnded) this.wrongs.push({ kind: 'lost', what: `the ended session ${this.session} was refreshed` })
    const given = answer.body as Tokens
    if (generationOf(given.access_token) !== generation) {
      this.#unexpected(`generation ${generation} was asked for, ${generationOf(given.access_token)} came`)
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
    const answer = await this.ask((client, token) => client.get('/v1/users/me', token))
    if (answer?.status !== 200) return this.refused('read', answer)
    if (wasEnded) this.wrongs.push({ kind: 'lost', what: `the ended session ${this.session} was accepted` })
    return true
  }

  async signOut(): Promise<boolean> {
    this.mayEnd('signed_out')
    const answer = await this.ask((client, token) => client.delete('/v1/sessions/current', token))
    if (answer?.status !== 204) return this.refused('sign-out', answer)
    this.state = 'ended'
    return true
  }

  /** From now on the session may be over, for that reason too. */
  mayEnd(reason: string): void {
    this.#reasons.add(reason)
    if (this.state === 'live') this.state = 'unsure'
  }

  /**
   * After a fault: who holds the newest token goes on, a twin who missed the last answer and shows the token before it
   * gets the same successor, and after that the holder of the successor still goes on.
   */
  async goesOn(): Promise<void> {
    const before = this.#tokens.refresh
    const went = await this.#refreshUntilAnswered()
    if (this.state === 'ended' || !went) return
    const twin = await this.#addresses.ask((client) => client.refresh(before))
    if (twin?.status !== 200) await this.refused('refresh of a twin', twin)
    else if ((twin.body as Tokens).refresh_token !== this.#tokens.refresh) {
      this.#unexpected('the token before the newest has another successor')
    }
    await this.#refreshUntilAnswered()
  }

  /** After a fault: neither the newest token of the ended session nor the one before it brings it back. */
  async staysEnded(): Promise<void> {
    await this.refresh()
    const spent = this.#spent
    if (spent === undefined) return
    const twin = await this.#addresses.ask((client) => client.refresh(spent))
    if (twin?.status !== 200) await this.refused('refresh of a twin', twin)
    else this.wrongs.push({ kind: 'lost', what: `a twin refreshed the ended session ${this.session}` })
  }

  /**
   * The end of it: while its holder uses the newest token, somebody shows one from two refreshes back. No answer that got
   * lost explains that, so it is told as a theft, and the session is over for its holder too.
   */
  async isEndedByReplay(): Promise<void> {
    const stolen = this.#longSpent
    if (stolen === undefined) {
      this.#unexpected('was not refreshed twice')
      return
    }
    await this.readSelf()
    this.mayEnd(REUSED)
    const answer = await this.#addresses.ask((client) => client.refresh(stolen))
    const isTold = answer?.status === 401 && codeOf(answer) === REUSED
    const ends = [{ session: this.session, reason: REUSED }]
    this.#diary.note({ what: 'replay', ends }, isTold ? 'acknowledged' : 'unknown')
    if (!isTold) this.#unexpected(`a replay ${answer ? answered(answer) : 'was not answered'}`)
    await this.refresh()
    if (this.state !== 'ended') this.#unexpected('goes on after a replay')
  }

  /** A refusal is an answer too. */
  async #refreshUntilAnswered(): Promise<boolean> {
    const wrongs = this.wrongs.length
    for (let attempt = 0; attempt < PATIENCE; attempt += 1) {
      if (await this.refresh()) return true
      if (this.state === 'ended' || this.wrongs.length > wrongs) return false
    }
    this.#unexpected('does not go on although all is well again')
    return false
  }

  /** Asks with the newest access token. */
  ask(request: (client: TestClient, token: string) => Promise<Answer>): Promise<Answer | undefined> {
    const { access } = this.#tokens
    return this.#addresses.ask((client) => request(client, access))
  }

  /**
   * Going without an answer is no wrong, nor is a 503 that says when to come back, nor an end that was asked for. Answers
   * whether it was such an end.
   */
  async refused(what: string, answer: Answer | undefined): Promise<boolean> {
    if (answer === undefined || (await isPutOff(answer))) return false
    const { reason } = (answer.body ?? {}) as { reason?: string }
    const isOwnEnd = codeOf(answer) === 'session_ended' && this.#reasons.has(reason ?? '')
    if (isOwnEnd) this.state = 'ended'
    else {
      const kind = answer.status === 401 && this.state !== 'ended' ? 'false logout' : 'other'
      this.wrongs.push({ kind, what: `${what} of ${this.session}, ${this.state}, ${answered(answer)}` })
    }
    return isOwnEnd
  }

  #unexpected(what: string): void {
    this.wrongs.push({ kind: 'other', what: `${this.session}: ${what}` })
  }
}

/** Of a refusal. */
export const codeOf = ({ body }: Answer): string => (body as { code?: string } | undefined)?.code ?? 'no code'

const generationOf = (accessToken: string): number =>
  (JSON.parse(Buffer.from(accessToken.split('.')[1] ?? '', 'base64url').toString()) as { gen: number }).gen

/** Does one thing after the other. Answers whether it was acknowledged. */
interface Actor {
  act(random: SeededRandom, signOutProbability?: number): Promise<boolean>
}

/** Many clients at once, each doing one thing after the other until it is stopped. */
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
    }
  }

  /** Waits for so many more acknowledgements. */
  async acknowledged(count: number): Promise<void> {
    const wanted = this.#acknowledged + count
    while (this.#acknowledged < wanted) await once(this.#events, 'acted')
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#loops
  }
}
