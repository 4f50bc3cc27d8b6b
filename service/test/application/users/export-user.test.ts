import { expect, test } from 'vitest'
import { at } from '../../support/builders.ts'
import { enrol } from '../factors/enrolled.ts'
import { aWorld, type World } from '../world.ts'

test('an export holds one user with all sessions and events, and nothing of other users', async () => {
  const world = aWorld()
  const anna = await world.addUser('anna')
  const bert = await world.addUser('bert')
  const caller = await world.signInAsCaller({ deviceId: 'phone' })
  world.pass(9)
  const { session: second } = await world.signIn()
  await world.useCases.endOwnSession(caller, second.id)
  await world.signIn({ username: 'bert' })

  const exported = await world.useCases.exportUser(caller)
  const sessions = await allOf(exported.sessions)
  const events = await allOf(exported.events)
  expect(exported.user).toEqual(anna)
  expect(sessions).toEqual([{ ...second, endedAt: at(9), endReason: 'terminated' }, caller.session])
  expect(events.map(({ type, occurredAt }) => [type, occurredAt])).toEqual([
    ['session.created', at(0)],
    ['session.created', at(9)],
    ['session.ended', at(9)],
  ])
  expect(JSON.stringify([sessions, events])).not.toContain(`"userId":${bert.id}`)
})

test('an export has the second factors, without secrets and recovery codes', async () => {
  const world = aWorld()
  await world.addUser('anna')
  const { caller, recoveryCodes } = await enrol(world)
  const { factors, ...rest } = await world.useCases.exportUser(caller)
  expect(factors).toEqual({ totpAddedAt: at(0), recoveryCodesLeft: 10 })
  const text = JSON.stringify([factors, rest])
  for (const secret of ['current0', ...recoveryCodes]) expect(text).not.toContain(secret)
})

test(
  'an export reads a page of sessions only when the one before was taken',
  { tags: ['HTTP-24'] },
  async () => {
    const limits: number[] = []
    const world = aWorld(({ sessions }) => ({
      sessions: {
        ...sessions,
        page: (userId, last, limit) => {
          limits.push(limit)
          return sessions.page(userId, last, limit)
        },
      },
    }))
    const caller = await withSessions(world, 450)
    const { sessions } = await world.useCases.exportUser(caller)
    expect(limits).toEqual([])
    const sizes: [number, number][] = []
    for await (const page of sessions) sizes.push([page.length, limits.length])
    expect(sizes).toEqual([
      [200, 1],
      [200, 2],
      [50, 3],
    ])
    expect(limits).toEqual([200, 200, 200])
  },
)

test('exports of one user are limited', { tags: ['HTTP-24'] }, async () => {
  const world = aWorld()
  await world.addUser('anna')
  const caller = await world.signInAsCaller()
  for (let count = 0; count < 10; count += 1) await world.useCases.exportUser(caller)
  await expect(world.useCases.exportUser(caller)).rejects.toMatchObject({ code: 'too_many_attempts' })
})

async function withSessions(world: World, count: number) {
  await world.addUser('anna')
  // A device has one session: each sign-in replaces the one before.
  for (let session = 1; session < count; session += 1) {
    await world.signIn({ deviceId: 'phone' })
    world.pass(60 * 60)
  }
  return world.signInAsCaller({ deviceId: 'phone' })
}

async function allOf<T>(pages: AsyncIterable<readonly T[]>): Promise<T[]> {
  const all: T[] = []
  for await (const page of pages) all.push(...page)
  return all
}
