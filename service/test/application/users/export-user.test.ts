import { expect, test } from 'vitest'
import { at } from '../../support/builders.ts'
import { aWorld } from '../world.ts'

test('an export holds the person, all their sessions and what is told of them, and nothing of others', async () => {
  const world = aWorld()
  const anna = await world.addUser('anna')
  const bert = await world.addUser('bert')
  const caller = await world.signInAsCaller({ deviceId: 'phone' })
  world.pass(9)
  const { session: second } = await world.signIn()
  await world.useCases.endOwnSession(caller, second.id)
  await world.signIn({ username: 'bert' })

  const { user, sessions, events } = await world.useCases.exportUser(caller)
  expect(user).toEqual(anna)
  expect(sessions).toEqual([{ ...second, endedAt: at(9), endReason: 'terminated' }, caller.session])
  expect(events.map(({ type, occurredAt }) => [type, occurredAt])).toEqual([
    ['session.created', at(0)],
    ['session.created', at(9)],
    ['session.ended', at(9)],
  ])
  expect(JSON.stringify([sessions, events])).not.toContain(`"userId":${bert.id}`)
})
