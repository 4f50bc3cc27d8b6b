// Random lives of sessions on two instances. Every response is compared with the rules. TEST_SEED replays a run,
// MODEL_STEPS sets its length.
import { randomUUID } from 'node:crypto'
import { afterEach, describe, expect, test } from 'vitest'
import { aBan } from '../support/builders.ts'
import { seededRandom, type SeededRandom } from '../support/seeded-random.ts'
import { RefreshWorld, type Holder, type Parallel, type UserInWorld, type Track } from './refresh-world.ts'
import type { Rules } from './session-rules.ts'

const SECOND = 1_000
const HOUR = 3_600 * SECOND

const usual: Rules = {
  windowMs: 30 * SECOND,
  receipts: true,
  idleMs: 12 * HOUR,
  absoluteMs: 72 * HOUR,
  accessMs: 600 * SECOND,
}

const USERS = 8
const LIVE_SESSIONS = 12
/** Sessions that are over stay in the run for a while, to check that they stay over. */
const OVER_AT_MOST = 10

class RandomLives {
  readonly #world: RefreshWorld
  readonly #random: SeededRandom
  steps = 0

  constructor(world: RefreshWorld, random: SeededRandom) {
    this.#world = world
    this.#random = random
  }

  async run(steps: number): Promise<void> {
    for (let count = 0; count < USERS; count += 1) await this.#world.register()
    while (this.steps < steps) {
      await this.#fill()
      await this.#pickAction()()
      this.steps += 1
      if (this.steps % 500 === 0) await this.#world.audit()
    }
    await this.#world.audit()
  }

  #pickAction(): () => Promise<unknown> {
    const weighted: readonly (readonly [number, () => Promise<unknown>])[] = [
      [30, () => this.#refresh()],
      [8, () => this.#openTabs()],
      [6, () => this.#meddle()],
      [20, () => this.#use()],
      [12, () => this.#world.flush(this.#at())],
      [12, () => this.#passTime()],
      [3, () => this.#steal()],
      [8, () => this.#thiefActs()],
      [1.5, () => this.#replay()],
      [0.7, () => this.#presentTheFuture()],
      [1, () => this.#setBack()],
      [2, () => this.#presentToOneThatIsOver()],
      [0.8, () => this.#signOut()],
      [0.6, () => this.#signInAgain()],
      [0.4, () => this.#endFromOutside()],
      [0.5, () => this.#sweep()],
    ]
    let left =
      (this.#random.below(1_000_000) / 1_000_000) * weighted.reduce((sum, [weight]) => sum + weight, 0)
    const chosen = weighted.find(([weight]) => (left -= weight) < 0)
    return chosen?.[1] ?? (() => this.#refresh())
  }

  /** There are always enough live sessions, and a few that are over. */
  async #fill(): Promise<void> {
    const { tracks, users } = this.#world
    const over = tracks.filter((track) => this.#world.overBecause(track) !== undefined)
    for (const track of over.slice(0, -OVER_AT_MOST)) tracks.splice(tracks.indexOf(track), 1)
    while (this.#live().length < LIVE_SESSIONS) {
      await this.#world.start(
        this.#random.pick(users),
        this.#maybe(0.5, () => randomUUID()),
      )
    }
  }

  #live = (): Track[] => this.#world.tracks.filter((track) => this.#world.overBecause(track) === undefined)
  #track = (): Track => this.#random.pick(this.#live())
  #at = (): number => this.#random.below(2)
  #maybe = <T>(probability: number, make: () => T): T | undefined =>
    this.#random.isTrue(probability) ? make() : undefined

  /** The response is sometimes lost. Then the user keeps the old token and presents it again, soon or much later. */
  async #refresh(): Promise<void> {
    const track = this.#track()
    const isIssued = await this.#world.present(track, track.user.generation, this.#at(), 'user')
    if (!isIssued) return
    const isLost = this.#random.isTrue(0.2)
    if (this.#random.isTrue(0.02)) this.#copyTo(track)
    if (!isLost) this.#world.received(track, track.user)
  }

  async #openTabs(): Promise<void> {
    const track = this.#track()
    const tabs = Array.from({ length: 2 + this.#random.below(4) }, () => ({
      generation: track.user.generation,
    }))
    const issued = await this.#world.presentTogether(track, tabs, 'tabs')
    const isOneKept = issued.some((isIssued) => isIssued && !this.#random.isTrue(0.2))
    if (isOneKept) this.#world.received(track, track.user)
  }

  /** In parallel: the user, the thieves, an old token and a sign-out. */
  async #meddle(): Promise<void> {
    const track = this.#track()
    const all: Parallel[] = [track.user, ...track.thieves].map(({ generation }) => ({ generation }))
    if (this.#random.isTrue(0.1)) {
      track.isHonest = false
      all.push({ generation: this.#random.below(track.state.generation + 1) })
    }
    const { access } = track.user
    const caller =
      this.#random.isTrue(0.2) && access ? await this.#world.use(track, access, this.#at()) : undefined
    if (caller !== undefined) all.push({ signOut: caller })
    const parallel = all.slice(-4)
    const issued = await this.#world.presentTogether(track, parallel, 'all')
    const hasPair = issued.some((isIssued, index) => isIssued && 'generation' in (parallel[index] ?? {}))
    if (hasPair && parallel.length === all.length && issued[0] === true)
      this.#world.received(track, track.user)
  }

  async #use(): Promise<void> {
    const track = this.#track()
    const { access } = track.user
    if (access !== undefined) await this.#world.use(track, access, this.#at())
  }

  async #passTime(): Promise<void> {
    const { clock, now, rules } = this.#world
    const { rotatedAt, idleUntil, until } = this.#track().state
    // To the edge itself, and to one millisecond before and after it.
    const edges = [rotatedAt + rules.windowMs, rotatedAt + rules.accessMs].filter((edge) => edge > now)
    if (this.#random.isTrue(0.05)) edges.push(idleUntil, until)
    const toEdge = edges.length > 0 ? this.#random.pick(edges) - now + this.#random.pick([-1, 0, 1]) : 0
    const scale = this.#random.pick(
      [10, 10, 40, 40, 60, 300, 900, 3_600, 5 * 3_600].map((seconds) => seconds * SECOND),
    )
    const by = this.#random.isTrue(0.5) ? toEdge : this.#random.below(scale)
    clock.advanceMs(Math.max(0, by))
    if (by > HOUR) await Promise.all(this.#world.instances.map(({ service }) => service.rotateKeys()))
  }

  #copyTo(track: Track): void {
    track.isHonest = false
    const thief: Holder = { name: 'thief', generation: 0, access: undefined }
    this.#world.received(track, thief)
    track.thieves.push(thief)
  }

  /** Copies the tokens that the user holds. */
  #steal(): Promise<void> {
    const track = this.#track()
    track.isHonest = false
    const { generation, access } = track.user
    track.thieves.push({ name: 'thief', generation, access: this.#maybe(0.5, () => access) })
    return Promise.resolve()
  }

  async #thiefActs(): Promise<void> {
    const robbed = this.#live().filter(({ thieves }) => thieves.length > 0)
    if (robbed.length === 0) return
    const track = this.#random.pick(robbed)
    const thief = this.#random.pick(track.thieves)
    if (thief.access !== undefined && this.#random.isTrue(0.4)) {
      await this.#world.use(track, thief.access, this.#at())
    } else if (await this.#world.present(track, thief.generation, this.#at(), 'thief')) {
      this.#world.received(track, thief)
    }
  }

  async #replay(): Promise<void> {
    const track = this.#track()
    track.isHonest = false
    const back = this.#random.pick([1, 1, 2, 2, 3, 5, 20])
    await this.#world.present(track, Math.max(0, track.state.generation - back), this.#at(), 'replay')
  }

  #presentTheFuture(): Promise<unknown> {
    const track = this.#random.pick(this.#world.tracks)
    track.isHonest = false
    const generation = track.state.generation + 1 + this.#random.below(3)
    return this.#world.present(track, generation, this.#at(), 'forger')
  }

  /** The database is restored from a backup: the session has an earlier state, and its holders have newer tokens. */
  async #setBack(): Promise<void> {
    const track = this.#track()
    await this.#world.setBack(track, this.#random.pick([1, 2, 5]))
  }

  async #presentToOneThatIsOver(): Promise<void> {
    const over = this.#world.tracks.filter((track) => this.#world.overBecause(track) !== undefined)
    if (over.length === 0) return
    const track = this.#random.pick(over)
    const { generation } = track.state
    const presented = this.#random.pick([generation, generation - 1, track.user.generation, 0])
    await this.#world.present(track, Math.max(0, presented), this.#at(), 'a client')
    if (track.user.access !== undefined) await this.#world.use(track, track.user.access, this.#at())
  }

  async #signOut(): Promise<void> {
    const track = this.#track()
    const caller = track.user.access && (await this.#world.use(track, track.user.access, this.#at()))
    if (caller === undefined) return
    const other = this.#random.pick(this.#live().filter(({ owner }) => owner === track.owner))
    const reason = other === track ? 'signed_out' : 'terminated'
    // As if the user had just entered the password: recent-authentication.test.ts has the rules of that.
    const recent = { ...caller, session: { ...caller.session, authTime: this.#world.clock.now() } }
    await this.#world.endOne(other, reason, ({ useCases }) => useCases.endOwnSession(recent, other.id))
  }

  async #signInAgain(): Promise<void> {
    const { owner, deviceId } = this.#track()
    await this.#world.signIn(owner, deviceId, this.#at())
  }

  async #endFromOutside(): Promise<void> {
    const owner = this.#random.pick(this.#world.users)
    if (this.#random.isTrue(0.4)) return this.#changePassword(owner)
    if (this.#random.isTrue(0.5)) {
      return this.#world.endAll(owner, 'terminated_by_admin', ({ useCases }, id) =>
        useCases.endUserSessions('service:ops', id),
      )
    }
    return this.#world.endAll(owner, 'user_disabled', async ({ useCases }, id) => {
      await useCases.disableUser('service:ops', id, aBan())
      await useCases.enableUser('service:ops', id)
    })
  }

  async #changePassword(owner: UserInWorld): Promise<void> {
    const track = await this.#world.signIn(owner, undefined, 0)
    const caller = track.user.access && (await this.#world.use(track, track.user.access, 0))
    if (caller === undefined) throw new Error('the session is new')
    const newPassword = `pw ${randomUUID()}`
    const passwords = { currentPassword: owner.password, newPassword }
    await this.#world.changePassword(track, ({ useCases }) => useCases.changePassword(caller, passwords))
    owner.password = newPassword
  }

  async #sweep(): Promise<void> {
    const { service } = this.#random.pick(this.#world.instances)
    await service.useCases.expireSessions(500)
  }
}

describe('random sessions on two instances follow the refresh rules', () => {
  let world: RefreshWorld | undefined
  afterEach(() => world?.close())

  const variants = [
    { name: 'with the default settings', rules: usual, steps: 12_000 },
    { name: 'with LOST_ANSWER=window', rules: { ...usual, receipts: false }, steps: 2_000 },
    { name: 'with REFRESH_REUSE_WINDOW=0', rules: { ...usual, windowMs: 0 }, steps: 2_000 },
    {
      name: 'with neither window nor receipts',
      rules: { ...usual, windowMs: 0, receipts: false },
      steps: 1_000,
    },
  ]
  test.each(variants)(
    'random sessions on two instances follow the refresh rules $name',
    async ({ name, rules, steps: byDefault }) => {
      const random = seededRandom()
      world = await RefreshWorld.create(rules)
      const lives = new RandomLives(world, random)
      const steps = Number(process.env['MODEL_STEPS'] ?? byDefault)
      try {
        await lives.run(steps)
      } catch (error) {
        throw new Error(`TEST_SEED=${random.seed}, step ${lives.steps}: ${(error as Error).message}`, {
          cause: error,
        })
      } finally {
        console.log(`${name}: seed ${random.seed}, ${lives.steps} steps, ${JSON.stringify(world.counts)}`)
      }
      // Without receipts, a user whose response was lost for longer than the window is signed out. This is the cost
      // of that setting.
      const falseAlarms = rules.receipts ? 0 : world.counts.falseAlarms
      expect(world.counts, `TEST_SEED=${random.seed}`).toMatchObject({ missedReplays: 0, falseAlarms })
      expect(world.counts.reused).toBeGreaterThan(0)
      expect(world.counts.rolledForward).toBeGreaterThan(0)
    },
    240_000,
  )
})
