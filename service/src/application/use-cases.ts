import { authenticate, type AuthenticateDeps } from './sessions/authenticate.ts'
import { createSession, type CreateSessionDeps } from './sessions/create-session.ts'
import { endAllOwnSessions, endOwnSession } from './sessions/end-own-sessions.ts'
import { endUserSessions } from './sessions/end-user-sessions.ts'
import { expireSessions } from './sessions/expire-sessions.ts'
import { introspectToken, type IntrospectTokenDeps } from './sessions/introspect-token.ts'
import { listSessions } from './sessions/list-sessions.ts'
import { refreshSession, type RefreshSessionDeps } from './sessions/refresh-session.ts'
import { listUserSessions } from './sessions/list-user-sessions.ts'
import { noteReceipts } from './sessions/note-receipts.ts'
import { createTicket, type CreateTicketDeps } from './tickets/create-ticket.ts'
import { redeemTicket, type RedeemTicketDeps } from './tickets/redeem-ticket.ts'
import { changePassword, type ChangePasswordDeps } from './users/change-password.ts'
import { disableUser } from './users/disable-user.ts'
import { enableUser } from './users/enable-user.ts'
import { readUser } from './users/read-user.ts'
import { registerUser, type RegisterUserDeps } from './users/register-user.ts'
import { updateUser } from './users/update-user.ts'

export type UseCaseDeps = AuthenticateDeps &
  ChangePasswordDeps &
  CreateSessionDeps &
  CreateTicketDeps &
  IntrospectTokenDeps &
  RedeemTicketDeps &
  RefreshSessionDeps &
  RegisterUserDeps

/** Everything the service can do. */
export type UseCases = ReturnType<typeof createUseCases>

export const createUseCases = (deps: UseCaseDeps) => ({
  authenticate: authenticate(deps),
  createSession: createSession(deps),
  refreshSession: refreshSession(deps),
  introspectToken: introspectToken(deps),
  noteReceipts: noteReceipts(deps),
  createTicket: createTicket(deps),
  redeemTicket: redeemTicket(deps),
  listSessions: listSessions(deps),
  listUserSessions: listUserSessions(deps),
  endOwnSession: endOwnSession(deps),
  endAllOwnSessions: endAllOwnSessions(deps),
  endUserSessions: endUserSessions(deps),
  expireSessions: expireSessions(deps),
  registerUser: registerUser(deps),
  readUser: readUser(deps),
  updateUser: updateUser(deps),
  changePassword: changePassword(deps),
  disableUser: disableUser(deps),
  enableUser: enableUser(deps),
})
