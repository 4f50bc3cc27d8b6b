// Users, thieves and two instances, with the state that each session should have.
import pg from 'pg'
import { ApplicationError } from '../../src/application/errors.ts'
import type { IssuedTokens } from '../../src/application/sessions/issue-tokens.ts'
import type { Caller } from '../../src/application/sessions/caller.ts'
import type { ReceiptBuffer } from '../../src/application/sessions/receipt-buffer.ts'
import { startSession, type Session, type SessionId } from '../../src/domain/session.ts'
import type { UserId } from '../../src/domain/user.ts'
import { HmacRefreshTokens } from '../../src/infrastructure/crypto/hmac-refresh-tokens.ts'
import { UuidSessionIds } from '../../src/infrastructure/crypto/uuid-session-ids.ts'
import { PostgresTransactions } from '../../src/infrastructure/postgres/postgres-transactions.ts'
import type { Service } from '../../src/main.ts'
import { newUser, type TestUser } from '../support/test-client.ts'
import { migratedDatabase, startOn, testSecret, type TestService } from '../support/test-service.ts'
import * as model from './session-rules.ts'
import type { Outcome, Rules, SessionState } from './session-rules.ts'
import { StillClock } from './still-clock.ts'

const address = { text: '192.0.2.1', network: '192.0.2.1/32', widerNetworks: [] }

export interface AccessToken {
  readonly token: string
  readonly generation: number
  readonly expiresAt: number
}

/** A holder of the tokens of a session: the user, or a thief who copied them. */
export interface Holder {
  readonly name: 'user' | 'thief'
  generation: number
  access: AccessToken | undefined
}

export interface Track {
  readonly id: SessionId
  readonly userId: UserId
  readonly owner: UserInWorld
  readonly deviceId: string | undefined
  readonly user: Holder
  readonly thieves: Holder[]
  /** The refresh token of each generation: the same one whenever it is handed out. */
  readonly tokens: string[]
  state: SessionState
  /** Only the user held the tokens, and no old one was presented. */
  isHonest: boolean
  /** The newest generation that the service has seen in use. */
  used: number
  readonly history: string[]
  /** Earlier states, the latest last. */
  readonly past: SessionState[]
}

export interface UserInWorld extends TestUser {
  password: string
}

interface Instance {
  readonly test: TestService
  readonly service: Service
  readonly flush: () => Promise<unknown>
  /** Receipts that are noted and not written. */
  readonly noted: Map<SessionId, number>
}

/** One of several parallel actions. */
export type Parallel = { readonly generation: number } | { readonly signOut: Caller }

interface Presentation {
  readonly generation: number
  readonly outcome: Outcome
}

export class RefreshWorld {
  readonly clock = new StillClock()
  readonly rules: Rules
  readonly instances: readonly Instance[]
  readonly users: UserInWorld[] = []
  readonly tracks: Track[] = []
  readonly counts = {
    falseAlarms: 0,
    missedReplays: 0,
    handedOut: 0,
    repeated: 0,
    rolledForward: 0,
    reused: 0,
    ended: 0,
    receipts: 0,
  }
  readonly #admin: pg.Client
  readonly #remove: () => Promise<void>
  readonly #ids = new UuidSessionIds()
  readonly #forger = new HmacRefreshTokens({ current: testSecret, previous: [] })

  private constructor(rules: Rules, admin: pg.Client, remove: () => Promise<void>) {
    this.rules = rules
    this.#admin = admin
    this.#remove = remove
    this.instances = []
  }

  static async create(rules: Rules): Promise<RefreshWorld> {
    const { url, settings, remove } = await migratedDatabase()
    const admin = new pg.Client(url)
    await admin.connect()
    // This test is not about crashes, and waiting for the disk at each step would take most of its time.
    await admin.query(`alter database ${new URL(url).pathname.slice(1)} set synchronous_commit = off`)
    const world = new RefreshWorld(rules, admin, remove)
    const place = { settings, remove: () => Promise.resolve() }
    const chosen = {
      REFRESH_REUSE_WINDOW: `${rules.windowMs / 1000}s`,
      LOST_ANSWER: rules.receipts ? 'receipts' : 'window',
      SESSION_IDLE_TTL: `${rules.idleMs / 1000}s`,
      SESSION_TTL: `${rules.absoluteMs / 1000}s`,
      ACCESS_TOKEN_TTL: `${rules.accessMs / 1000}s`,
      DATABASE_POOL_SIZE: '5',
    }
    for (let count = 0; count < 2; count += 1) {
      const test = await startOn(place, chosen, world.clock)
      const flush = takeOverFlush(test.service.receipts)
      ;(world.instances as Instance[]).push({ test, service: test.service, flush, noted: new Map() })
    }
    return world
  }

  async close(): Promise<void> {
    for (const { test } of this.instances) await test.stop()
    await this.#admin.end()
    await this.#remove()
  }

  get now(): number {
    return this.clock.milliseconds
  }

  overBecause = (track: Track): string | undefined => model.overBecause(track.state, this.now)

  async register(): Promise<void> {
    const account = newUser()
    const user = await this.#instance(0).service.useCases.registerUser({
      ...account,
      address,
      invitation: undefined,
      purchase: undefined,
    })
    this.users.push({ ...account, id: user.id })
  }

  async signIn(owner: UserInWorld, deviceId: string | undefined, at: number): Promise<Track> {
    const issued = await this.#instance(at).service.useCases.createSession({
      username: owner.username,
      password: owner.password,
      deviceId,
      address,
      purchase: undefined,
      deviceName: undefined,
      describedDevice: 'a device',
      userAgent: 'the model',
      takesChallenge: true,
    })
    if ('challenge' in issued) throw new Error('a user of the model has no second factor')
    for (const track of this.tracks) {
      const isReplaced = track.owner === owner && deviceId !== undefined && track.deviceId === deviceId
      if (isReplaced) this.#ended(track, 'replaced')
    }
    const track = this.#follow(issued.session, owner)
    this.#examine(track, issued)
    this.received(track, track.user)
    return track
  }

  /** A session as a sign-in starts it, without the hashing, which would take most of the time. */
  async start(owner: UserInWorld, deviceId: string | undefined): Promise<Track> {
    const device = { id: deviceId, name: 'a device', userAgent: 'the model', address: address.text }
    const begun = { id: this.#ids.next(), userId: owner.id as UserId, device, amr: ['pwd'], roles: [] }
    const limits = { idleSeconds: this.rules.idleMs / 1000, absoluteSeconds: this.rules.absoluteMs / 1000 }
    const session = startSession(begun, limits, this.clock.now())
    const transactions = new PostgresTransactions(this.#instance(0).service.db)
    await transactions.transaction('system', (tx) => tx.sessions.add(session))
    const track = this.#follow(session, owner)
    track.tokens.push(this.#forger.issue({ userId: track.userId, sessionId: track.id, generation: 0 }))
    return track
  }

  #follow({ id, userId, device }: Session, owner: UserInWorld): Track {
    const track: Track = {
      id,
      userId,
      owner,
      deviceId: device.id,
      thieves: [],
      tokens: [],
      history: [],
      past: [],
      isHonest: true,
      used: 0,
      user: { name: 'user', generation: 0, access: undefined },
      state: model.started(this.now, this.rules),
    }
    this.tracks.push(track)
    return track
  }

  /** The holder keeps the pair that was handed out last. */
  received(track: Track, holder: Holder): void {
    holder.generation = track.state.generation
    holder.access = this.#lastAccess
  }

  #lastAccess: AccessToken | undefined

  /** Presents a refresh token and compares the outcome with the table. Returns whether a pair was issued. */
  async present(track: Track, generation: number, at: number, by: string): Promise<boolean> {
    const before = track.state
    const wanted = model.presented(before, generation, this.now, this.rules)
    const { outcome, issued } = await this.#refresh(track, generation, at)
    this.#note(track, `${by} presents ${generation} to ${at}: ${outcome}`)
    this.#count(track, [{ generation, outcome }])
    if (outcome !== wanted.outcome)
      this.fail(track, `the table says ${wanted.outcome}, the service ${outcome}`)
    track.past.push(before)
    track.state = wanted.after
    if (issued === undefined) return false
    this.#examine(track, issued)
    return true
  }

  /**
   * Runs several actions in parallel, on both instances in turn. The outcomes must be those of some sequential
   * order of the actions.
   */
  async presentTogether(
    track: Track,
    parallel: readonly Parallel[],
    by: string,
  ): Promise<readonly boolean[]> {
    const before = track.state
    const responses = await Promise.all(
      parallel.map(async (one, at) => {
        if ('generation' in one) return this.#refresh(track, one.generation, at)
        await this.#instance(at).service.useCases.endOwnSession(one.signOut, track.id)
        return { outcome: 'done' as const, issued: undefined }
      }),
    )
    const outcomes = responses.map(({ outcome }) => outcome)
    const actions = parallel.map((one) => ('generation' in one ? String(one.generation) : 'sign-out'))
    this.#note(track, `${by} in parallel: ${actions.join(', ')}: ${outcomes.join(', ')}`)
    const refreshed = parallel.map((one, index) => ({ ...one, outcome: outcomes[index] }))
    this.#count(
      track,
      refreshed.filter((one): one is Presentation => 'generation' in one),
    )
    const after = this.#inSomeOrder(before, parallel, outcomes)
    if (after === undefined) this.fail(track, 'no order of these explains these responses')
    track.state = after
    for (const { issued } of responses)
      if (issued?.session.generation === after.generation) this.#examine(track, issued)
    return responses.map(({ issued }) => issued !== undefined)
  }

  #inSomeOrder(
    state: SessionState,
    parallel: readonly Parallel[],
    outcomes: readonly (Outcome | 'done')[],
  ): SessionState | undefined {
    if (parallel.length === 0) return state
    for (const [index, one] of parallel.entries()) {
      const step =
        'generation' in one
          ? model.presented(state, one.generation, this.now, this.rules)
          : { outcome: 'done', after: model.endedAs(state, 'signed_out', this.now) }
      if (step.outcome !== outcomes[index]) continue
      const rest = this.#inSomeOrder(step.after, parallel.toSpliced(index, 1), outcomes.toSpliced(index, 1))
      if (rest !== undefined) return rest
    }
    return undefined
  }

  async #refresh(track: Track, generation: number, at: number) {
    const { id: sessionId, userId, tokens } = track
    const refreshToken = tokens[generation] ?? this.#forger.issue({ userId, sessionId, generation })
    try {
      const issued = await this.#instance(at).service.useCases.refreshSession({
        refreshToken,
        address,
        userAgent: 'Mozilla/5.0',
      })
      return { outcome: `tokens ${issued.session.generation}` as const, issued }
    } catch (error) {
      if (!(error instanceof ApplicationError)) throw error
      const { code, details } = error
      return {
        outcome: (code === 'session_ended' ? `${code} ${details.reason}` : code) as Outcome,
        issued: undefined,
      }
    }
  }

  /** Counts parallel presentations. None of them needs to know what the others have shown to the service. */
  #count(track: Track, presentations: readonly Presentation[]): void {
    const { state, used } = track
    for (const { generation, outcome } of presentations) {
      if (outcome === 'refresh_token_reused') this.counts.reused += 1
      if (outcome.startsWith('session_ended')) this.counts.ended += 1
      if (track.isHonest && outcome.endsWith('refresh_token_reused')) this.counts.falseAlarms += 1
      if (!outcome.startsWith('tokens')) continue
      this.counts.handedOut += 1
      if (generation < state.generation) this.counts.repeated += 1
      if (generation > state.generation) this.counts.rolledForward += 1
      const isLate = generation < state.generation - 1 || !model.isInWindow(state, this.now, this.rules)
      if (generation < used && isLate) this.counts.missedReplays += 1
      track.used = Math.max(track.used, generation)
    }
  }

  /** The issued tokens must belong to the session in its expected state. */
  #examine(track: Track, { session, refreshToken, accessToken }: IssuedTokens): void {
    const { generation, rotatedAt, idleUntil, until } = track.state
    const shown = [session.generation, +session.refreshedAt, +session.idleExpiresAt, +session.expiresAt]
    if (shown.join() !== [generation, rotatedAt, idleUntil, until].join()) {
      this.fail(
        track,
        `the session handed out is ${shown.join()}, not ${[generation, rotatedAt, idleUntil, until].join()}`,
      )
    }
    track.tokens[generation] ??= refreshToken
    if (track.tokens[generation] !== refreshToken)
      this.fail(track, `generation ${generation} has two refresh tokens`)
    const claims = JSON.parse(Buffer.from(accessToken.split('.')[1] ?? '', 'base64url').toString()) as Record<
      string,
      unknown
    >
    const expiresAt = Math.floor(Math.min(this.now + this.rules.accessMs, idleUntil, until) / 1000)
    const { sid, sub, gen, exp } = claims
    if ([sid, sub, gen, exp].join() !== [track.id, track.userId, generation, expiresAt].join()) {
      this.fail(track, `the access token says ${[sid, sub, gen, exp].join()}`)
    }
    this.#lastAccess = { token: accessToken, generation, expiresAt: expiresAt * 1000 }
  }

  /** Uses an access token at the service. Returns the caller if the service accepted the token. */
  async use(
    track: Track,
    { token, generation, expiresAt }: AccessToken,
    at: number,
  ): Promise<Caller | undefined> {
    const over = this.overBecause(track)
    const isRefused = expiresAt <= this.now || (over === undefined && generation < track.state.oldest)
    const wanted = isRefused
      ? 'invalid_access_token'
      : over === undefined
        ? 'accepted'
        : `session_ended ${over}`
    let caller: Caller | undefined
    let seen = 'accepted'
    try {
      caller = await this.#instance(at).service.useCases.authenticate(token)
    } catch (error) {
      if (!(error instanceof ApplicationError)) throw error
      seen = [error.code, error.details.reason].filter((word) => word !== undefined).join(' ')
    }
    this.#note(track, `access token ${generation} used at ${at}: ${seen}`)
    if (seen !== wanted) this.fail(track, `an access token should be ${wanted} but was ${seen}`)
    const { noted } = this.#instance(at)
    if (caller !== undefined && generation > track.state.confirmed) {
      noted.set(track.id, Math.max(noted.get(track.id) ?? 0, generation))
    }
    return caller
  }

  async flush(at: number): Promise<void> {
    const { flush, noted } = this.#instance(at)
    await flush()
    for (const track of this.tracks) {
      const generation = noted.get(track.id)
      if (generation === undefined) continue
      this.#note(track, `receipt of ${generation} written by ${at}`)
      this.counts.receipts += 1
      track.state = model.confirmed(track.state, generation)
      track.used = Math.max(track.used, track.state.confirmed)
    }
    noted.clear()
  }

  /** Gives the session in the database the state that it had `steps` presentations ago, if that lives. */
  async setBack(track: Track, steps: number): Promise<void> {
    const [earlier] = track.past.slice(-steps)
    if (earlier === undefined || model.overBecause(earlier, this.now) !== undefined) return
    const { generation, oldest, confirmed, rotatedAt, idleUntil } = earlier
    await this.#admin.query(
      `update sessions set generation = $2, confirmed_generation = $3, refreshed_at = $4, idle_expires_at = $5,
         oldest_generation = $6
       where id = $1`,
      [track.id, generation, confirmed, new Date(rotatedAt), new Date(idleUntil), oldest],
    )
    this.#note(track, `set back to ${generation}`)
    track.state = earlier
    // The database knows no use after that time, until the owner of the session returns.
    track.used = confirmed
  }

  async endAll(
    owner: UserInWorld,
    reason: string,
    end: (service: Service, id: UserId) => Promise<void>,
  ): Promise<void> {
    await end(this.#instance(0).service, owner.id as UserId)
    for (const track of this.tracks) if (track.owner === owner) this.#ended(track, reason)
  }

  /** A change of the password on this session: the others end, and it gets new tokens. */
  async changePassword(track: Track, change: (service: Service) => Promise<IssuedTokens>): Promise<void> {
    const before = track.state
    const issued: IssuedTokens[] = []
    await this.endAll(track.owner, 'password_changed', async (service) => {
      issued.push(await change(service))
    })
    this.#note(track, 'tokens renewed')
    track.past.push(before)
    track.state = model.renewed(before, this.now, this.rules)
    for (const tokens of issued) this.#examine(track, tokens)
    this.received(track, track.user)
  }

  async endOne(track: Track, reason: string, end: (service: Service) => Promise<void>): Promise<void> {
    await end(this.#instance(1).service)
    this.#ended(track, reason)
  }

  #ended(track: Track, reason: string): void {
    this.#note(track, `ended: ${reason}`)
    track.state = model.endedAs(track.state, reason, this.now)
  }

  /** Compares every session in the database, with its revocations and events, with the expected state. */
  async audit(): Promise<void> {
    const { rows } = await this.#admin.query<Record<string, unknown>>(
      `select id, generation, confirmed_generation, end_reason,
         (select count(*)::int from revocations
          where session_id = sessions.id and up_to_generation is null) as revocations,
         (select count(*)::int from outbox where type = 'session.ended' and data->>'session_id' = sessions.id::text) as ends,
         (select count(*)::int from outbox
          where type = 'session.refresh_token_reused' and data->>'session_id' = sessions.id::text) as alarms
       from sessions`,
    )
    const byId = new Map(rows.map((row) => [row['id'], row]))
    for (const track of this.tracks) {
      const { generation, confirmed, ended } = track.state
      const row = byId.get(track.id) ?? {}
      // A session that ran out may still be unmarked and accept receipts. That depends on the clean-up.
      const hasRunOut = this.overBecause(track) === 'expired'
      const reason = row['end_reason'] === 'expired' ? undefined : (row['end_reason'] ?? undefined)
      const seen = hasRunOut ? confirmed : row['confirmed_generation']
      const found = [row['generation'], seen, reason, row['alarms']].join()
      const wanted = [generation, confirmed, ended, ended === 'refresh_token_reused' ? 1 : 0].join()
      if (found !== wanted) this.fail(track, `the database has ${found}, not ${wanted}`)
      const once = ended === undefined ? 0 : 1
      if (row['revocations'] !== once) this.fail(track, `it has ${String(row['revocations'])} revocations`)
      if (row['ends'] !== (row['end_reason'] === null ? 0 : 1))
        this.fail(track, `it ended ${String(row['ends'])} times`)
    }
  }

  fail(track: Track, what: string): never {
    const state = JSON.stringify(track.state)
    throw new Error(`${what}\n${state} at ${this.now}\n${track.history.slice(-30).join('\n')}`)
  }

  #note(track: Track, what: string): void {
    track.history.push(`  ${this.now}  ${what}`)
  }

  #instance(at: number): Instance {
    const instance = this.instances[at % this.instances.length]
    if (instance === undefined) throw new Error('there are two instances')
    return instance
  }
}

/** From now on receipts are written when the model says so, and not every second. */
function takeOverFlush(receipts: ReceiptBuffer): ReceiptBuffer['flush'] {
  const flush = receipts.flush.bind(receipts)
  receipts.flush = () => Promise.resolve(0)
  return flush
}
