import { expect, test } from 'vitest'
import type { UserId } from '../../../src/domain/user.ts'
import { sessionId } from '../../support/builders.ts'
import { aWorld } from '../world.ts'

test('an operator sees the live sessions of a user, newest first', async () => {
  const world = aWorld()
  const anna = await world.addUser('anna')
  await world.addUser('bert')
  for (const username of ['anna', 'bert', 'anna', 'anna']) {
    await world.signIn({ username })
    world.pass(1)
  }
  const caller = await world.signInAsCaller()
  await world.useCases.endOwnSession(caller, sessionId(3))
  const listed = await world.useCases.listUserSessions(anna.id)
  expect(listed.map(({ id }) => id)).toEqual([5, 4, 1].map(sessionId))
})

test('listing sessions is empty for a user without any and refused for an unknown user', async () => {
  const world = aWorld()
  const anna = await world.addUser('anna')
  expect(await world.useCases.listUserSessions(anna.id)).toEqual([])
  const refused = { code: 'user_not_found' }
  await expect(world.useCases.listUserSessions(99 as UserId)).rejects.toMatchObject(refused)
})
