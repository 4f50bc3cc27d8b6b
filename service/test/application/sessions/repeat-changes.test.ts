import { expect, test } from 'vitest'
import { repeatChanges, type KnownChange } from '../../../src/application/sessions/repeat-changes.ts'
import type { UserId } from '../../../src/domain/user.ts'
import { aBan, at } from '../../support/builders.ts'
import { aWorld } from '../world.ts'

async function* inOrder(...changes: KnownChange[]): AsyncGenerator<KnownChange> {
  for (const change of changes) yield await Promise.resolve(change)
}

test(
  'a repeated ban keeps its reasons and its end, and replaces an earlier ban',
  { tags: ['BAN-5'] },
  async () => {
    const world = aWorld()
    const { id } = await world.addUser('anna', { ban: aBan() })
    const ban = { reason: 'Spam again', publicReason: 'Advertisements', until: at(60) }
    const counts = await repeatChanges(world.deps)(
      inOrder({ kind: 'disabled', userId: id, ban }, { kind: 'disabled', userId: 99 as UserId, ban }),
      () => undefined,
    )
    expect(counts).toMatchObject({ disabled: 1, unknownUsers: 1 })
    expect(world.store.world().users.get(id)?.ban).toEqual({ ...ban, since: at(0) })
  },
)

test('a repeated ban that is over by now ends the one that the backup has', { tags: ['BAN-5'] }, async () => {
  const world = aWorld()
  const { id } = await world.addUser('anna', { ban: aBan() })
  world.pass(60)
  const ban = { reason: 'Spam again', publicReason: undefined, until: at(60) }
  await repeatChanges(world.deps)(inOrder({ kind: 'disabled', userId: id, ban }), () => undefined)
  await world.signIn()
})
