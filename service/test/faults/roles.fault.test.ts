// Sends refreshes and role changes in parallel to two real processes on a real PostgreSQL.
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { faultRounds, timeoutFor } from '../support/fault-rounds.ts'
import { startServiceProcess, type ServiceProcess } from '../support/service-process.ts'
import { TestClient, type Tokens } from '../support/test-client.ts'
import { migratedDatabase } from '../support/test-service.ts'

const rounds = faultRounds(5, 1 / 10)

let place: Awaited<ReturnType<typeof migratedDatabase>>
let admin: pg.Client
let instances: ServiceProcess[]

beforeAll(async () => {
  place = await migratedDatabase()
  admin = new pg.Client(place.url)
  await admin.connect()
  instances = await Promise.all([startServiceProcess(place.settings), startServiceProcess(place.settings)])
})
afterAll(async () => {
  await Promise.all(instances.map((each) => each.stop()))
  await admin.end()
  await place.remove()
})

const clientAt = (at: number): TestClient => new TestClient(instances[at % 2]?.url ?? '')

async function setRoles(at: number, id: number, roles: readonly string[]): Promise<void> {
  const { internalUrl = '', serviceKey = '' } = instances[at % 2] ?? {}
  const headers = { authorization: `Bearer ${serviceKey}` }
  const response = await new TestClient(internalUrl).request('PUT', `/v1/users/${id}/roles`, {
    headers,
    body: { roles },
  })
  expect(response.status).toBe(204)
}

interface Seen {
  readonly gen: number
  readonly roles: readonly string[]
}

const seenIn = ({ access_token: token }: Tokens): Seen =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Seen

/** The number of each change is in the role name, so that the role in a token shows how old it is. */
const numberOf = ([role]: readonly string[]): number => (role === undefined ? 0 : Number(role.slice(1)))

test(
  'every token with the old roles belongs to a generation that was outdated',
  { tags: ['SESSION-8'], timeout: timeoutFor(rounds) },
  async () => {
    const person = await clientAt(0).register()
    let tokens = await clientAt(1).signIn(person)
    const seen: Seen[] = [seenIn(tokens)]
    const CHANGES = 8 * rounds
    let isOver = false
    const refreshing = async (): Promise<void> => {
      while (!isOver) {
        // Four parallel refreshes over both instances: one rotates the token, the others get the same successor.
        const responses = await Promise.all(
          [0, 1, 2, 3].map((at) => clientAt(at).refresh(tokens.refresh_token)),
        )
        expect(responses.map(({ status }) => status)).toEqual([200, 200, 200, 200])
        for (const { body } of responses) seen.push(seenIn(body as Tokens))
        tokens = responses[0]?.body as Tokens
      }
    }
    const changing = async (): Promise<void> => {
      for (let number = 1; number <= CHANGES; number += 1) await setRoles(number, person.id, [`r${number}`])
      isOver = true
    }
    await Promise.all([refreshing(), changing()])
    const { rows } = await admin.query<{ up_to_generation: number }>(
      `select up_to_generation from revocations where session_id = $1 order by id`,
      [tokens.session.id],
    )
    expect(rows).toHaveLength(CHANGES)
    const outdated = rows.map(({ up_to_generation }) => up_to_generation)
    for (const { gen, roles } of seen) {
      // The first role change that the token does not include makes it outdated.
      const next = outdated[numberOf(roles)]
      expect(next === undefined || gen <= next, `generation ${gen} with ${roles.join()}`).toBe(true)
    }
    // The refreshes did race the changes.
    expect(new Set(seen.map(({ roles }) => roles.join())).size).toBeGreaterThan(3)
    expect((await clientAt(0).get('/v1/users/me', tokens.access_token)).status).toBe(200)
    const { body } = await clientAt(1).refresh(tokens.refresh_token)
    expect(seenIn(body as Tokens).roles).toEqual([`r${CHANGES}`])
  },
)
