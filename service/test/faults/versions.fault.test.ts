// Runs this version and the previous one on one database, as during an upgrade. TEST_SEED replays it.
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { ACCEPTED, connect, verdictOnToken, ReportedEnds, endedAs } from '../../../end-to-end/connected.ts'
import { queryOn } from '../support/database-query.ts'
import { earlierMain } from '../support/earlier-version.ts'
import { faultRounds, timeoutFor } from '../support/fault-rounds.ts'
import { FaultTrial } from '../support/fault-trial.ts'
import { faultSettings, startInstance } from '../support/instances.ts'
import { firstSecret } from '../support/service-keys.ts'
import { ServiceProcess } from '../support/service-process.ts'
import { TestClient, type Tokens } from '../support/test-client.ts'
import { createTestDatabase } from '../support/test-database.ts'

let url: string
beforeEach(async () => {
  const database = await createTestDatabase()
  onTestFinished(() => database.drop())
  url = database.url
})

/** Starts the earlier version. It migrates an empty database, and also runs on one that is already newer. */
async function startEarlier(main: string): Promise<ServiceProcess> {
  // Its service keys have no names and scopes.
  const keys = faultSettings.SERVICE_KEYS.split(',').map(firstSecret).join(',')
  const service = new ServiceProcess({ ...faultSettings, SERVICE_KEYS: keys, DATABASE_URL: url }, main)
  onTestFinished(() => service.kill())
  return service.ready()
}

const rounds = faultRounds(1, 1 / 25)
const TURNS = 4

test(
  'an upgrade and a rollback under load lose no ended session and sign nobody out',
  async () => {
    const main = earlierMain()
    const trial = new FaultTrial('old and new version side by side')
    let earlier = await startEarlier(main)
    trial.moveTo(earlier)
    await trial.acknowledged(60)
    // This start migrates the database while the earlier version is running.
    const present = await startInstance(url)
    const query = queryOn(url)
    for (let round = 0; round < rounds; round += 1) {
      const verifiers = await Promise.all([connect(earlier), connect(present)])
      for (let turn = 0; turn < TURNS; turn += 1) {
        trial.moveTo(...(turn % 2 === 0 ? [present, earlier] : [earlier, present]))
        trial.injected()
        await trial.acknowledged(30)
      }
      await trial.check({ query, verifiers })
      // A restart of the earlier version during an upgrade finds a newer database.
      trial.moveTo(present)
      await earlier.stop()
      earlier = await startEarlier(main)
    }
    trial.moveTo(earlier, present)
    await trial.acknowledged(30)
    await trial.finish({ query, verifiers: [await connect(earlier), await connect(present)] })
    await Promise.all([earlier.stop(), present.stop()])
  },
  timeoutFor(rounds, 60),
)

const keysOf = async (service: ServiceProcess): Promise<unknown> =>
  (await service.client().get('/.well-known/jwks.json')).body

const refreshAt = async ({ url: at }: ServiceProcess, token: string): Promise<Tokens> => {
  const { status, body } = await new TestClient(at).refresh(token)
  expect(status).toBe(200)
  return body as Tokens
}

/** Checks that a session started at one continues at the other, and that its end holds for both. */
async function eachAcceptsTheOthers(one: ServiceProcess, other: ServiceProcess): Promise<void> {
  const person = await one.client().register()
  const first = await other.client().signIn(person)
  const verifiers = await Promise.all([connect(one), connect(other)])
  const second = await refreshAt(one, first.refresh_token)
  for (const verifier of verifiers) expect(await verdictOnToken(verifier, second)).toBe(ACCEPTED)
  const third = await refreshAt(other, second.refresh_token)
  expect((await one.client().get('/v1/users/me', third.access_token)).status).toBe(200)

  const told = verifiers.map((verifier) => new ReportedEnds(verifier))
  const replay = await one.client().refresh(first.refresh_token)
  expect(replay).toMatchObject({ status: 401, body: { code: 'refresh_token_reused' } })
  await Promise.all(told.map((each) => each.of(first.session.id)))
  for (const verifier of verifiers)
    expect(await verdictOnToken(verifier, third)).toBe(endedAs('refresh_token_reused'))
  const over = { status: 401, body: { code: 'session_ended', reason: 'refresh_token_reused' } }
  expect(await other.client().refresh(third.refresh_token)).toMatchObject(over)
  expect(await other.client().get('/v1/users/me', third.access_token)).toMatchObject({ status: 401 })
}

/** Checks that a token issued by one is confirmed after it was used at the other. */
async function receiptsCross(one: ServiceProcess, other: ServiceProcess): Promise<void> {
  const person = await one.client().register()
  const { refresh_token: token, session } = await one.client().signIn(person)
  const { access_token: used } = await refreshAt(one, token)
  expect((await other.client().get('/v1/users/me', used)).status).toBe(200)
  await vi.waitFor(
    async () => {
      const rows = await queryOn(url)('select confirmed_generation from sessions where id = $1', [session.id])
      expect(rows).toEqual([{ confirmed_generation: 1 }])
    },
    { timeout: 60_000, interval: 100 },
  )
}

test(
  'the old and the new version accept each other’s tokens, rows, ends and receipts',
  { timeout: timeoutFor(1) },
  async () => {
    const earlier = await startEarlier(earlierMain())
    const present = await startInstance(url)
    expect(await keysOf(present)).toEqual(await keysOf(earlier))
    await eachAcceptsTheOthers(earlier, present)
    await eachAcceptsTheOthers(present, earlier)
    await Promise.all([receiptsCross(earlier, present), receiptsCross(present, earlier)])
    await Promise.all([earlier.stop(), present.stop()])
  },
)
