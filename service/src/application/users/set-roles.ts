import { userRolesChanged } from '../../domain/event.ts'
import { outdatedTokensOf } from '../../domain/revocation.ts'
import { parseRoles } from '../../domain/roles.ts'
import type { UserId } from '../../domain/user.ts'
import { ApplicationError } from '../errors.ts'
import type { EndOwnSessionsDeps } from '../sessions/end-own-sessions.ts'
import { validate } from '../validate.ts'

/**
 * Gives a person these roles in place of those they had. Their sessions go on, but the access tokens they hold are refused
 * from now on, so that each client refreshes and gets the new ones. Unchanged roles change nothing. Throws
 * `validation_failed`, `user_not_found`.
 */
export const setRoles =
  (deps: EndOwnSessionsDeps) =>
  async (userId: UserId, wanted: readonly string[]): Promise<void> => {
    const { roles } = validate({ roles: () => parseRoles(wanted) })
    await deps.transactions.transaction(async (tx) => {
      const user = await tx.users.lock(userId)
      if (user === undefined) throw new ApplicationError('user_not_found')
      if (roles.join() === user.roles.join()) return
      const changed = { ...user, roles }
      await tx.users.save(changed)
      const sessions = await tx.sessions.saveRoles(userId, roles)
      // After the locks: whatever was issued before has its place at or below the sessions' generations.
      const now = deps.clock.now()
      const outdated = sessions.map((session) => outdatedTokensOf(session, deps.accessTokenTtlSeconds, now))
      await tx.revocations.add(outdated.filter((revocation) => revocation !== undefined))
      await tx.outbox.add([userRolesChanged(changed, now)])
    })
  }
