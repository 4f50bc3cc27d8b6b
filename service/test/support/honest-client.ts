import { EventEmitter, once } from 'node:events'
import type { SeededRandom } from './seeded-random.ts'
import { TestClient, type Answer, type Person, type Tokens } from './test-client.ts'

/** A client told to come back later waits a moment, so that an outage is no busy loop. */
const pause = () => new Promise((resolve) => setTimeout(resolve, 20))

/**
 * Somebody who does everything right while the service or its database dies under them: presents the newest token they
 * received, keeps it when no answer comes, and notes whatever a person must never see. They alone hold their tokens.
 */
export class HonestClient {
  readonly wrongs: string[] = []
  /** `unsure`: the sign-out was asked for and not acknowledged, so the session may be over or not. */
  state: 'live' | 'unsure' | 'ended' = 'live'
  readonly #tokens: { access: string; refresh: string }
  /** Tried in turn: the next one when one does not answer. */
  #urls: readonly string[]

  constructor(tokens: Tokens, urls: readonly string[]) {
    this.#tokens = { access: tokens.access_token, refresh: tokens.refresh_token }
    this.#urls = urls
  }

  static async signUp(urls: readonly string[]): Promise<{ person: Person; client: HonestClient }> {
    const transport = new TestClient(urls[0] ?? '')
    const person = await transport.register()
    return { person, client: new HonestClient(await transport.signIn(person), urls) }
  }

  moveTo(...urls: readonly string[]): void {
    this.#urls = urls
  }

  /** One thing such a client does. Answers whether it was acknowledged. */
  async act(random: SeededRandom, signOutProbability = 0.02): Promise<boolean> {
    if (random.isTrue(signOutProbability)) return this.signOut()
    return random.isTrue(0.6) ? this.refresh() : this.readSelf()
  }

  async refresh(): Promise<boolean> {
    const answer = await this.#ask((client) => client.refresh(this.#tokens.refresh))
    if (answer?.status !== 200) return this.#refused('refresh', answer)
    if (this.state === 'ended') this.wrongs.push('an ended session was refreshed')
    const { access_token: access, refresh_token: refresh } = answer.body as Tokens
    Object.assign(this.#tokens, { access, refresh })
    return true
  }

  async readSelf(): Promise<boolean> {
    const answer = await this.#ask((client) => client.get('/v1/users/me', this.#tokens.access))
    if (answer?.status !== 200) return this.#refused('read', answer)
    if (this.state === 'ended') this.wrongs.push('an ended session was accepted')
    return true
  }

  async signOut(): Promise<boolean> {
    if (this.state === 'live') this.state = 'unsure'
    const answer = await this.#ask((client) => client.delete('/v1/sessions/current', this.#tokens.access))
    if (answer?.status !== 204) return this.#refused('sign-out', answer)
    this.state = 'ended'
    return true
  }

  async #ask(request: (client: TestClient) => Promise<Answer>): Promise<Answer | undefined> {
    const [first = '', ...others] = this.#urls
    try {
      return await request(new TestClient(first))
    } catch {
      this.#urls = [...others, first]
      await pause()
      return undefined
    }
  }

  /** Going without an answer is no wrong, nor is a 503 that says when to come back, nor the end one asked for. */
  async #refused(what: string, answer: Answer | undefined): Promise<boolean> {
    if (answer === undefined) return false
    const { status, headers } = answer
    const { code, reason } = (answer.body ?? {}) as { code?: string; reason?: string }
    if (status === 503 && Number(headers.get('retry-after')) > 0) {
      await pause()
      return false
    }
    const isOwnEnd = this.state !== 'live' && code === 'session_ended' && reason === 'signed_out'
    if (isOwnEnd) this.state = 'ended'
    else
      this.wrongs.push(
        `${what} of a session that is ${this.state} was answered ${status} ${JSON.stringify(answer.body)}`,
      )
    return isOwnEnd
  }
}

/** Many clients at once, each doing one thing after the other until it is stopped. */
export class Traffic {
  readonly #events = new EventEmitter()
  readonly #loops: Promise<unknown>
  #acknowledged = 0
  #isStopped = false

  constructor(clients: readonly HonestClient[], random: SeededRandom, signOutProbability?: number) {
    this.#loops = Promise.all(clients.map((client) => this.#run(client, random, signOutProbability)))
  }

  async #run(client: HonestClient, random: SeededRandom, signOutProbability?: number): Promise<void> {
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
