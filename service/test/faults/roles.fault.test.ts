// Two real processes on a real PostgreSQL: refreshes and changes of roles, all at once.
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
  const answer = await new TestClient(internalUrl).request('PUT', `/v1/users/${id}/roles`, {
    headers,
    body: { roles },
  })
  expect(answer.status).toBe(204)
}

interface Seen {
  readonly gen: number
  readonly roles: readonly string[]
}

const seenIn = ({ access_token: token }: Tokens): Seen =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Seen

/** Each change's number is its role, so that what a token says tells how old it is. */
const numberOf = ([role]: readonly string[]): number => (role === undefined ? 0 : Number(role.slice(1)))

test(
  'no token with old roles is of a generation that was not outdated',
  { timeout: timeoutFor(rounds) },
  async () => {
    const person = await clientAt(0).register()
    let tokens = await clientAt(1).signIn(person)
    const seen: Seen[] = [seenIn(tokens)]
    const CHANGES = 8 * rounds
    let isOver = false
    const refreshing = async (): Promise<void> => {
      while (!isOver) {
        // Four at once at either instance: one rotates, the others are answered again.
        const answers = await Promise.all(
          [0, 1, 2, 3].map((at) => clientAt(at).refresh(tokens.refresh_token)),
        )
        expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200])
        for (const { body } of answers) seen.push(seenIn(body as Tokens))
        tokens = answers[0]?.body as Tokens
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
      // The first change that the token does not know of refuses it.
      const next = outdated[numberOf(roles)]
      expect(next === undefined || gen <= next, `generation ${gen} with ${roles.join()}`).toBe(true)
    }
    // And the refreshes did meet the changes.
    expect(new Set(seen.map(({ roles }) => roles.join())).size).toBeGreaterThan(3)
    expect((await clientAt(0).get('/v1/users/me', tokens.access_token)).status).toBe(200)
    const { body } = await clientAt(1).refresh(tokens.refresh_token)
    expect(seenIn(body as Tokens).roles).toEqual([`r${CHANGES}`])
  },
)
