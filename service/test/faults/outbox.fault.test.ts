// Kills a process while it delivers events. TEST_SEED replays it.
import { afterEach, beforeEach, expect, onTestFailed, test } from 'vitest'
import { recordFault } from '../support/fault-report.ts'
import { faultRounds, timeoutFor } from '../support/fault-rounds.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { startServiceProcess } from '../support/service-process.ts'
import { StubServer, untilCalled } from '../support/stub-server.ts'
import { newUser, type TestUser } from '../support/test-client.ts'
import { migratedDatabase } from '../support/test-service.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const rounds = faultRounds(1, 1 / 10)

let hooks: StubServer
let messaging: StubServer
beforeEach(async () => {
  hooks = await StubServer.start()
  messaging = await StubServer.start()
})
afterEach(() => Promise.all([hooks.down(), messaging.down()]))

interface Webhook {
  readonly id: string
  readonly type: string
  readonly data: { readonly user_id: number; readonly username?: string }
}

test.each([
  ['PGlite', temporaryFolder],
  ['PostgreSQL', migratedDatabase],
])(
  'kill -9 during deliveries loses no event and keeps the order of each user, on %s',
  async (_, place) => {
    const random = seededRandom()
    const result = recordFault('kill -9 during deliveries', random.seed)
    onTestFailed(() => console.log(`TEST_SEED=${random.seed}`))
    const { settings, remove } = await place()
    const all = {
      ...settings,
      MESSAGING_URL: messaging.url,
      WEBHOOK_URLS: hooks.url,
      WEBHOOK_SECRETS: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
      WEBHOOK_ALLOW_PRIVATE: 'true',
    }
    const people: TestUser[] = []
    const names = new Map<number, string[]>()
    for (let round = 0; round < rounds; round += 1) {
      const service = await startServiceProcess(all)
      // After some calls the receivers stop responding, so the process is killed while it waits.
      const before = hooks.received.length + messaging.received.length
      const accepted = 2 + random.below(6)
      for (const each of [hooks, messaging]) {
        each.respond = (__, response) => {
          const count = hooks.received.length + messaging.received.length - before
          if (count <= accepted) response.writeHead(204).end()
        }
      }
      for (let number = 0; number < 3; number += 1) {
        const client = service.client()
        const person = await client.register()
        const { access_token: token } = await client.signIn(person)
        people.push(person)
        for (let change = 0; change < 3; change += 1) {
          const { username } = newUser()
          expect((await client.patch('/v1/users/me', { username }, token)).status).toBe(200)
          names.set(person.id, [...(names.get(person.id) ?? []), username])
          result.acknowledged += 1
        }
      }
      const calls = () => hooks.received.length + messaging.received.length - before
      await untilCalled([hooks, messaging], () => calls() > accepted)
      await service.kill()
      result.rounds += 1
      result.injected += 1
    }
    for (const each of [hooks, messaging]) each.respond = (__, response) => response.writeHead(204).end()
    const service = await startServiceProcess(all)
    const webhooks = (): Webhook[] =>
      hooks.received.map(({ headers, body }) => ({
        ...(JSON.parse(body) as Webhook),
        id: String(headers['webhook-id']),
      }))
    const lastName = (id: number) => names.get(id)?.at(-1)
    const isAllThere = (): boolean =>
      people.every(({ id }) => webhooks().some(({ data }) => data.username === lastName(id))) &&
      people.every(({ id }) =>
        messaging.received.some(
          ({ body }) => (JSON.parse(body) as { username: string }).username === lastName(id),
        ),
      )
    await service.alive(untilCalled([hooks, messaging], isAllThere))

    for (const { id, username } of people) {
      const theirs = webhooks().filter(({ data }) => data.user_id === id)
      const once = theirs.filter((each, at) => theirs.findIndex((other) => other.id === each.id) === at)
      expect(once.map(({ type }) => type)).toEqual([
        'user.created',
        'session.created',
        'user.updated',
        'user.updated',
        'user.updated',
      ])
      const told = once.map(({ data }) => data.username).filter((name) => name !== undefined)
      expect(told).toEqual([username, ...(names.get(id) ?? [])])
      // A repeated event arrived before any later event.
      const places = theirs.map((each) => once.findIndex((other) => other.id === each.id))
      expect(places).toEqual(places.toSorted((a, b) => a - b))
    }
    await service.stop()
    await remove()
  },
  timeoutFor(rounds),
)
