import type { Scope } from './service-key.ts'
import type { User } from './user.ts'

/** The roles of users who may change others. An admin may do everything that a moderator may. */
const OPERATOR_ROLES = ['moderator', 'admin'] as const

type OperatorRole = (typeof OPERATOR_ROLES)[number]
type Roles = Pick<User, 'roles'>

const MODERATORS: readonly OperatorRole[] = ['moderator', 'admin']
const ADMINS: readonly OperatorRole[] = ['admin']

/** The roles that may do under /v1/admin what a service may with the scope. The other scopes are for services alone. */
const ROLES_OF_SCOPE: Partial<Record<Scope, readonly OperatorRole[]>> = {
  'users:read': MODERATORS,
  moderate: MODERATORS,
  roles: ADMINS,
  audit: ADMINS,
}

export const rolesOfScope = (scope: Scope): readonly OperatorRole[] => ROLES_OF_SCOPE[scope] ?? []

export const hasRoleFor = (scope: Scope, { roles }: Roles): boolean =>
  rolesOfScope(scope).some((role) => roles.includes(role))

const isOperator = ({ roles }: Roles): boolean => OPERATOR_ROLES.some((role) => roles.includes(role))

/** A change that one user makes to another. */
export type OperatorChange = 'disable' | 'enable' | 'end_sessions' | 'remove_factors' | 'set_roles'

/**
 * Whether the roles of the operator allow the change; without a target, whether they allow it for any user. A moderator
 * changes only users who have none of these roles. Nobody bans themselves or sets their own roles: the admin who takes the role
 * from another keeps it, so one is always left.
 */
export function mayChange(operator: User, target: User | undefined, change: OperatorChange): boolean {
  if (!hasRoleFor(change === 'set_roles' ? 'roles' : 'moderate', operator)) return false
  if (target === undefined) return true
  if (operator.id === target.id) return change === 'end_sessions'
  return !isOperator(target) || hasRoleFor('roles', operator)
}
