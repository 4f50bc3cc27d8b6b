import type { Actor } from '../../domain/actor.ts'
import { userRolesChanged } from '../../domain/event.ts'
import { outdatedTokensOf } from '../../domain/revocation.ts'
import { parseRoles } from '../../domain/roles.ts'
import type { UserId } from '../../domain/user.ts'
import type { ErrorCode } from '../errors.ts'
import type { EndOwnSessionsDeps } from '../sessions/end-own-sessions.ts'
import { validate } from '../validate.ts'
import { lockForOperator, lockForOperatorErrors } from './lock-for-operator.ts'

export const setRolesErrors = [
  'validation_failed',
  ...lockForOperatorErrors,
] as const satisfies readonly ErrorCode[]

/**
 * Replaces the roles of a user. The sessions continue, but access tokens issued so far are refused, so that each client
 * refreshes and gets the new roles. Unchanged roles change nothing. Throws `validation_failed`, `user_not_found`,
 * `insufficient_role`.
 */
export const setRoles =
  (deps: EndOwnSessionsDeps) =>
  async (actor: Actor, userId: UserId, wanted: readonly string[]): Promise<void> => {
    const { roles } = validate({ roles: () => parseRoles(wanted) })
    await deps.transactions.transaction(actor, async (tx) => {
      const asked = deps.clock.now()
      const user = await lockForOperator(tx, { actor, userId, change: 'set_roles', now: asked })
      if (roles.join() === user.roles.join()) return
      const changed = { ...user, roles }
      await tx.users.save(changed)
      const sessions = await tx.sessions.saveRoles(userId, roles)
      // Read after the locks: tokens issued before them are at or below the generations of these sessions.
      const now = deps.clock.now()
      const outdated = sessions.map((session) =>
        outdatedTokensOf(session, 'roles_changed', deps.accessTokenTtlSeconds, now),
      )
      await tx.revocations.add(outdated.filter((revocation) => revocation !== undefined))
      await tx.outbox.add([userRolesChanged(changed, now)])
    })
  }
