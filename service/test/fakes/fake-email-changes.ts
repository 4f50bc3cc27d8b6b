import type { EmailChanges, EmailChangesInTransaction } from '../../src/application/ports/email-changes.ts'
import { EMAIL_UNDO_SECONDS, type EmailChange } from '../../src/domain/email-change.ts'
import { secondsAfter } from '../../src/domain/session.ts'
import type { UserId } from '../../src/domain/user.ts'
import type { InTurn, Read, World } from './fake-world.ts'

const findIn = (world: World, userId: UserId, version: number): EmailChange | undefined =>
  world.emailChanges.find((change) => change.userId === userId && change.version === version)

export const fakeEmailChanges = (read: Read, inTurn: InTurn): EmailChanges => ({
  find: (userId, version) => read((world) => findIn(world, userId, version)),
  list: (userId) =>
    read((world) =>
      world.emailChanges
        .filter((change) => change.userId === userId)
        .toSorted((a, b) => b.version - a.version),
    ),
  removeOld: (now, limit) =>
    inTurn((draft) => {
      const isOld = ({ changedAt }: EmailChange) => secondsAfter(changedAt, EMAIL_UNDO_SECONDS) <= now
      const old = draft.emailChanges.filter(isOld).slice(0, limit)
      remove(draft, (change) => old.includes(change))
      return old.length
    }),
})

export const fakeEmailChangesInTransaction = (draft: World): EmailChangesInTransaction => ({
  add: (change) => Promise.resolve(void draft.emailChanges.push(change)),
  find: (userId, version) => Promise.resolve(findIn(draft, userId, version)),
  removeFrom: async (userId, version) => {
    await Promise.resolve()
    remove(draft, (change) => change.userId === userId && change.version >= version)
  },
  forget: async (userId) => {
    await Promise.resolve()
    remove(draft, (change) => change.userId === userId)
  },
})

function remove(draft: World, isGone: (change: EmailChange) => boolean): void {
  const kept = draft.emailChanges.filter((change) => !isGone(change))
  draft.emailChanges.splice(0, Infinity, ...kept)
}
