// Somebody with several devices, who ends their sessions in every way there is.
import { randomUUID } from 'node:crypto'
import {
  outcomeOf,
  type AcknowledgedRecord,
  type Diary,
  type Ending,
  type Outcome,
} from './acknowledged-record.ts'
import { Addresses, answered, codeOf, HonestClient, isPutOff, PATIENCE, type Wrong } from './honest-client.ts'
import type { SeededRandom } from './seeded-random.ts'
import { newPerson, type Answer, type Person, type Tokens } from './test-client.ts'

const ENDINGS: readonly Ending[] = ['sign-out', 'end-all', 'password-change', 'ban']
const DEVICES = 2

/** An instance of the service, and how an operator gets in. */
export interface Instance {
  readonly url: string
  readonly internalUrl: string
  readonly serviceKey: string
}

/** The same, beginning with another one. */
export const rotated = (instances: readonly Instance[], by: number): readonly Instance[] => {
  const first = by % Math.max(1, instances.length)
  return [...instances.slice(first), ...instances.slice(0, first)]
}

const publicUrls = (instances: readonly Instance[]) => instances.map(({ url }) => url)
const internalUrls = (instances: readonly Instance[]) => instances.map(({ internalUrl }) => internalUrl)
/** Each device begins elsewhere, so that what one of them ends at one instance another uses at the next. */
const urlsOfDevice = (instances: readonly Instance[], at: number) => publicUrls(rotated(instances, at))

export class HonestPerson {
  readonly devices: readonly HonestClient[]
  /** The operator's requests and the sign-ins; the devices have their own. */
  readonly #wrongs: Wrong[] = []
  readonly #diary: Diary
  readonly #random: SeededRandom
  readonly #person: Person
  readonly #public: Addresses
  readonly #internal: Addresses
  readonly #serviceKey: string
  #renewedPassword: string | undefined
  #passwordChange: Outcome | undefined
  #ban: Outcome | undefined
  /** Each try with a wrong password costs some of the person's budget, so one is made for each change. */
  #isSignInDue = false

  private constructor(
    person: Person,
    devices: readonly HonestClient[],
    diary: Diary,
    random: SeededRandom,
    instances: readonly Instance[],
  ) {
    this.#person = person
    this.devices = devices
    this.#diary = diary
    this.#random = random
    this.#public = new Addresses(publicUrls(instances))
    this.#internal = new Addresses(internalUrls(instances))
    this.#serviceKey = instances[0]?.serviceKey ?? ''
  }

  /** Undefined when a step of it was not acknowledged; `complain` is told when there is no excuse for that. */
  static async signUp(
    instances: readonly Instance[],
    record: AcknowledgedRecord,
    random: SeededRandom,
    complain: (wrong: Wrong) => void,
  ): Promise<HonestPerson | undefined> {
    const wanted = newPerson()
    const { username, email, password } = wanted
    const diary = record.of(username)
    const addresses = new Addresses(publicUrls(instances))
    const registered = await addresses.ask((client) =>
      client.post('/v1/users', { username, email, password }),
    )
    const refused = async (what: string, answer: Answer | undefined): Promise<undefined> => {
      if (answer === undefined || (await isPutOff(answer))) return
      complain({ kind: 'other', what: `${what} of ${username} ${answered(answer)}` })
    }
    diary.note({ what: 'registration' }, outcomeOf(registered))
    if (registered?.status !== 201) return refused('registration', registered)
    const devices: HonestClient[] = []
    while (devices.length < DEVICES) {
      const answer = await addresses.ask((client) => client.post('/v1/sessions', { username, password }))
      const tokens = answer?.status === 201 ? (answer.body as Tokens) : undefined
      diary.note({ what: 'sign-in', ...(tokens && { session: tokens.session.id }) }, outcomeOf(answer))
      if (tokens === undefined) return refused('sign-in', answer)
      devices.push(new HonestClient(tokens, urlsOfDevice(instances, devices.length), diary))
    }
    const person = { ...wanted, id: (registered.body as Person).id }
    return new HonestPerson(person, devices, diary, random, instances)
  }

  get wrongs(): readonly Wrong[] {
    return [...this.#wrongs, ...this.devices.flatMap(({ wrongs }) => wrongs)]
  }

  /** A device whose session nobody asked to end. */
  get live(): HonestClient | undefined {
    return this.devices.find(({ state }) => state === 'live')
  }

  /** Nothing is left to be done. */
  get isOver(): boolean {
    return this.devices.every(({ state }) => state === 'ended')
  }

  moveTo(instances: readonly Instance[]): void {
    this.#public.moveTo(publicUrls(instances))
    this.#internal.moveTo(internalUrls(instances))
    for (const [at, device] of this.devices.entries()) device.moveTo(...urlsOfDevice(instances, at))
  }

  /** One device does something, or all at once while one of them ends what it ends. */
  async act(endProbability: number): Promise<boolean> {
    const random = this.#random
    const device = random.pick(this.devices.filter(({ state }) => state !== 'ended'))
    if (!random.isTrue(endProbability)) return device.act(random, 0)
    const others = this.devices.map((each) => (each.state === 'ended' ? false : each.act(random, 0)))
    const [isEnded] = await Promise.all([this.#end(random.pick(ENDINGS), device), ...others])
    return isEnded
  }

  async #end(how: Ending, by: HonestClient): Promise<boolean> {
    // Whoever does not know whether their password was changed does not know which one to give.
    if (how === 'password-change' && this.#passwordChange !== undefined) return by.refresh()
    const ends = this.devices.flatMap((device) => {
      const reason = reasonFor(how, device === by)
      return reason === undefined ? [] : [{ device, reason }]
    })
    for (const { device, reason } of ends) device.mayEnd(reason)
    const answer = await this.#ask(how, by)
    const outcome = outcomeOf(answer)
    const noted = ends.map(({ device, reason }) => ({ session: device.session, reason }))
    this.#diary.note({ what: how, ends: noted }, outcome)
    if (how === 'password-change') this.#passwordChange = outcome
    if (how === 'ban') this.#ban = outcome
    this.#isSignInDue ||= how === 'password-change' || how === 'ban'
    if (outcome !== 'acknowledged') return by.refused(how, answer)
    for (const { device } of ends) device.state = 'ended'
    return true
  }

  #ask(how: Ending, by: HonestClient): Promise<Answer | undefined> {
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

  /** After a fault: the devices, the password and the ban are as they were acknowledged. */
  async goesOn(): Promise<void> {
    for (const device of this.devices) {
      if (device.state === 'ended') await device.staysEnded()
      else await device.goesOn()
    }
    if (this.#isSignInDue) await this.#signInIsAsAcknowledged()
    this.#isSignInDue = false
  }

  async #signInIsAsAcknowledged(): Promise<void> {
    const known = [this.#person.password, this.#renewedPassword ?? '']
    const [old, renewed] = await Promise.all(known.map((password) => this.#tryToSignIn(password)))
    // Of what is neither, the person has complained.
    if (old === undefined || renewed === undefined) return
    const both = `the old password gets ${old}, the new one ${renewed}`
    const accepted = [old, renewed].filter((code) => code !== 'invalid_credentials')
    if (accepted.length !== 1) this.#lost(both)
    if (this.#passwordChange === 'acknowledged' && renewed === 'invalid_credentials') this.#lost(both)
    if (this.#ban === 'acknowledged' && !accepted.includes('user_disabled')) this.#lost(`banned: ${both}`)
  }

  /** What the password gets them; undefined when it is nothing that a password can get. */
  async #tryToSignIn(password: string): Promise<'in' | 'user_disabled' | 'invalid_credentials' | undefined> {
    if (password === '') return 'invalid_credentials'
    const { username } = this.#person
    for (let attempt = 0; attempt < PATIENCE; attempt += 1) {
      const answer = await this.#public.ask((client) => client.post('/v1/sessions', { username, password }))
      if (answer === undefined || (await isPutOff(answer))) continue
      if (answer.status === 201) return 'in'
      const code = codeOf(answer)
      if (code === 'user_disabled' || code === 'invalid_credentials') return code
      this.#wrongs.push({ kind: 'other', what: `sign-in of ${username} ${answered(answer)}` })
      return undefined
    }
    this.#wrongs.push({ kind: 'other', what: `sign-in of ${username} is never answered` })
    return undefined
  }

  #lost(what: string): void {
    this.#wrongs.push({ kind: 'lost', what: `${this.#person.username}: ${what}` })
  }
}

/** Why a session ends; undefined when it goes on. */
function reasonFor(how: Ending, isOwn: boolean): string | undefined {
  if (how === 'ban') return 'user_disabled'
  if (how === 'password-change') return isOwn ? undefined : 'password_changed'
  if (how === 'end-all' && !isOwn) return 'terminated'
  return isOwn ? 'signed_out' : undefined
}
