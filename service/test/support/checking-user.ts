// A user with several devices, whose sessions end in every possible way.
import { randomUUID } from 'node:crypto'
import {
  outcomeOf,
  type AcknowledgedRecord,
  type OperationLog,
  type Ending,
  type Outcome,
} from './acknowledged-record.ts'
import {
  Addresses,
  describeResponse,
  codeOf,
  CheckingClient,
  generationOf,
  isRetryable,
  MAX_ATTEMPTS,
  type Violation,
} from './checking-client.ts'
import type { SeededRandom } from './seeded-random.ts'
import { newUser, type ApiResponse, type TestUser, type Tokens } from './test-client.ts'

const ENDINGS: readonly Ending[] = ['sign-out', 'end-all', 'password-change', 'ban']
const DEVICES = 2

/** An instance of the service, with its internal listener for operators. */
export interface Instance {
  readonly url: string
  readonly internalUrl: string
  readonly serviceKey: string
}

/** The same instances, rotated by `by`. */
export const rotated = (instances: readonly Instance[], by: number): readonly Instance[] => {
  const first = by % Math.max(1, instances.length)
  return [...instances.slice(first), ...instances.slice(0, first)]
}

const publicUrls = (instances: readonly Instance[]) => instances.map(({ url }) => url)
const internalUrls = (instances: readonly Instance[]) => instances.map(({ internalUrl }) => internalUrl)
/** Each device starts at a different instance, so that a session ended at one instance is used at another. */
const urlsOfDevice = (instances: readonly Instance[], at: number) => publicUrls(rotated(instances, at))

export class CheckingUser {
  readonly devices: readonly CheckingClient[]
  /** Wrong outcomes of operator requests and sign-ins. Each device records its own. */
  readonly #violations: Violation[] = []
  readonly #log: OperationLog
  readonly #random: SeededRandom
  readonly #person: TestUser
  readonly #public: Addresses
  readonly #internal: Addresses
  readonly #serviceKey: string
  #renewedPassword: string | undefined
  #passwordChange: Outcome | undefined
  #ban: Outcome | undefined
  /** A wrong password uses up part of the user's rate limit, so there is only one check for each change. */
  #isSignInDue = false

  private constructor(
    person: TestUser,
    devices: readonly CheckingClient[],
    log: OperationLog,
    random: SeededRandom,
    instances: readonly Instance[],
  ) {
    this.#person = person
    this.devices = devices
    this.#log = log
    this.#random = random
    this.#public = new Addresses(publicUrls(instances))
    this.#internal = new Addresses(internalUrls(instances))
    this.#serviceKey = instances[0]?.serviceKey ?? ''
  }

  /** Undefined if a step was not acknowledged. `complain` receives the refusals that are not allowed. */
  static async signUp(
    instances: readonly Instance[],
    record: AcknowledgedRecord,
    random: SeededRandom,
    complain: (violation: Violation) => void,
  ): Promise<CheckingUser | undefined> {
    const wanted = newUser()
    const { username, email, password } = wanted
    const log = record.of(username)
    const addresses = new Addresses(publicUrls(instances))
    const registered = await addresses.ask((client) =>
      client.post('/v1/users', { username, email, password }),
    )
    const refused = async (what: string, response: ApiResponse | undefined): Promise<undefined> => {
      if (response === undefined || (await isRetryable(response))) return
      complain({ kind: 'other', what: `${what} of ${username} ${describeResponse(response)}` })
    }
    log.note({ what: 'registration' }, outcomeOf(registered))
    if (registered?.status !== 201) return refused('registration', registered)
    const devices: CheckingClient[] = []
    while (devices.length < DEVICES) {
      const response = await addresses.ask((client) => client.post('/v1/sessions', { username, password }))
      const tokens = response?.status === 201 ? (response.body as Tokens) : undefined
      log.note({ what: 'sign-in', ...(tokens && { session: tokens.session.id }) }, outcomeOf(response))
      if (tokens === undefined) return refused('sign-in', response)
      devices.push(new CheckingClient(tokens, urlsOfDevice(instances, devices.length), log))
    }
    const person = { ...wanted, id: (registered.body as TestUser).id }
    return new CheckingUser(person, devices, log, random, instances)
  }

  get violations(): readonly Violation[] {
    return [...this.#violations, ...this.devices.flatMap(({ violations }) => violations)]
  }

  /** A device whose end was never requested. */
  get live(): CheckingClient | undefined {
    return this.devices.find(({ state }) => state === 'live')
  }

  /** Whether all sessions have ended. */
  get isOver(): boolean {
    return this.devices.every(({ state }) => state === 'ended')
  }

  moveTo(instances: readonly Instance[]): void {
    this.#public.moveTo(publicUrls(instances))
    this.#internal.moveTo(internalUrls(instances))
    for (const [at, device] of this.devices.entries()) device.moveTo(...urlsOfDevice(instances, at))
  }

  /** One device acts, or all act in parallel while one of them ends sessions. */
  async act(endProbability: number): Promise<boolean> {
    const random = this.#random
    const device = random.pick(this.devices.filter(({ state }) => state !== 'ended'))
    if (!random.isTrue(endProbability)) return device.act(random, 0)
    const others = this.devices.map((each) => (each.state === 'ended' ? false : each.act(random, 0)))
    const [isEnded] = await Promise.all([this.#end(random.pick(ENDINGS), device), ...others])
    return isEnded
  }

  async #end(how: Ending, by: CheckingClient): Promise<boolean> {
    // After an unacknowledged change the user does not know which password is valid.
    if (how === 'password-change' && this.#passwordChange !== undefined) return by.refresh()
    const ends = this.devices.flatMap((device) => {
      const reason = reasonFor(how, device === by)
      return reason === undefined ? [] : [{ device, reason }]
    })
    for (const { device, reason } of ends) device.mayEnd(reason)
    if (how === 'password-change') by.mayBeWithdrawn()
    const presented = by.accessToken
    const response = await this.#ask(how, by)
    const outcome = outcomeOf(response)
    const noted = ends.map(({ device, reason }) => ({ session: device.session, reason }))
    const renews = how === 'password-change' && renewedBy(response, by.session, presented)
    this.#log.note({ what: how, ends: noted, ...(renews && { renews }) }, outcome)
    if (how === 'password-change') this.#passwordChange = outcome
    if (how === 'ban') this.#ban = outcome
    this.#isSignInDue ||= how === 'password-change' || how === 'ban'
    if (outcome !== 'acknowledged') return by.refused(how, response)
    for (const { device } of ends) device.state = 'ended'
    if (how === 'password-change') by.renew(response?.body as Tokens | undefined)
    return true
  }

  #ask(how: Ending, by: CheckingClient): Promise<ApiResponse | undefined> {
    if (how === 'sign-out') return by.ask((client, token) => client.delete('/v1/sessions/current', token))
    if (how === 'end-all') return by.ask((client, token) => client.delete('/v1/sessions', token))
    if (how === 'ban') {
      const path = `/v1/users/${this.#person.id}/disable`
      const body = { reason: 'for the test' }
      return this.#internal.ask((operator) => operator.post(path, body, this.#serviceKey))
    }
    const renewed = (this.#renewedPassword ??= `pw ${randomUUID()}`)
    const body = { current_password: this.#person.password, new_password: renewed }
    return by.ask((client, token) => client.put('/v1/users/me/password', body, token))
  }

  /** After a fault, the devices, the password and the ban match what was acknowledged. */
  async checkContinues(): Promise<void> {
    for (const device of this.devices) {
      if (device.state === 'ended') await device.checkStaysEnded()
      else await device.checkContinues()
    }
    if (this.#isSignInDue) await this.#signInIsAsAcknowledged()
    this.#isSignInDue = false
  }

  async #signInIsAsAcknowledged(): Promise<void> {
    const known = [this.#person.password, this.#renewedPassword ?? '']
    const [old, renewed] = await Promise.all(known.map((password) => this.#tryToSignIn(password)))
    // #tryToSignIn has already recorded any other outcome as a violation.
    if (old === undefined || renewed === undefined) return
    const both = `the old password gets ${old}, the new one ${renewed}`
    const accepted = [old, renewed].filter((code) => code !== 'invalid_credentials')
    if (accepted.length !== 1) this.#lost(both)
    if (this.#passwordChange === 'acknowledged' && renewed === 'invalid_credentials') this.#lost(both)
    if (this.#ban === 'acknowledged' && !accepted.includes('user_disabled')) this.#lost(`banned: ${both}`)
  }

  /** The outcome of a sign-in with this password; undefined if it is an unexpected one. */
  async #tryToSignIn(password: string): Promise<'in' | 'user_disabled' | 'invalid_credentials' | undefined> {
    if (password === '') return 'invalid_credentials'
    const { username } = this.#person
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const response = await this.#public.ask((client) => client.post('/v1/sessions', { username, password }))
      if (response === undefined || (await isRetryable(response))) continue
      if (response.status === 201) return 'in'
      const code = codeOf(response)
      if (code === 'user_disabled' || code === 'invalid_credentials') return code
      this.#violations.push({ kind: 'other', what: `sign-in of ${username} ${describeResponse(response)}` })
      return undefined
    }
    this.#violations.push({ kind: 'other', what: `sign-in of ${username} never got a response` })
    return undefined
  }

  #lost(what: string): void {
    this.#violations.push({ kind: 'lost', what: `${this.#person.username}: ${what}` })
  }
}

/**
 * The generation that a password change gave the caller's session. Without a response it is at most two after the one
 * presented, because a refresh in parallel may have been first. Earlier versions renew nothing.
 */
function renewedBy(response: ApiResponse | undefined, session: string, presented: string) {
  const tokens = response?.status === 200 ? (response.body as Tokens) : undefined
  if (tokens !== undefined) return { session, generation: generationOf(tokens.access_token) }
  return outcomeOf(response) === 'unknown' && { session, generation: generationOf(presented) + 2 }
}

/** The reason for which a session ends; undefined if it continues. */
function reasonFor(how: Ending, isOwn: boolean): string | undefined {
  if (how === 'ban') return 'user_disabled'
  if (how === 'password-change') return isOwn ? undefined : 'password_changed'
  if (how === 'end-all' && !isOwn) return 'terminated'
  return isOwn ? 'signed_out' : undefined
}
