import { listAuditEntries } from './audit/list-audit-entries.ts'
import { confirmTotp, type ConfirmTotpDeps } from './factors/confirm-totp.ts'
import { listFactors } from './factors/list-factors.ts'
import { reencryptTotpSecrets } from './factors/reencrypt-totp-secrets.ts'
import { removeFactors } from './factors/remove-factors.ts'
import { removeTotp } from './factors/remove-totp.ts'
import { renewRecoveryCodes } from './factors/renew-recovery-codes.ts'
import { startTotp } from './factors/start-totp.ts'
import type { AuditLog } from './ports/audit-log.ts'
import type { EmailChanges } from './ports/email-changes.ts'
import type { Events } from './ports/events.ts'
import { createInvitation } from './invitations/create-invitation.ts'
import { listInvitations } from './invitations/list-invitations.ts'
import { revokeInvitation } from './invitations/revoke-invitation.ts'
import { announceUsers, type AnnounceUsersDeps } from './outbox/announce-users.ts'
import { listDeliveries } from './outbox/list-deliveries.ts'
import { replayDeliveries, replayDelivery, type ReplayDeliveryDeps } from './outbox/replay-delivery.ts'
import { authenticate } from './sessions/authenticate.ts'
import { authenticateLocally, type AuthenticateLocallyDeps } from './sessions/authenticate-locally.ts'
import type { CheckAccessTokenDeps } from './sessions/check-access-token.ts'
import { completeSignIn, type CompleteSignInDeps } from './sessions/complete-sign-in.ts'
import { createSession, type CreateSessionDeps } from './sessions/create-session.ts'
import { endAllOwnSessions, endOwnSession } from './sessions/end-own-sessions.ts'
import { countAllSessions, endSessionsOfAllUsers } from './sessions/end-sessions-of-all-users.ts'
import { endSessionByLink } from './sessions/end-session-by-link.ts'
import { endUserSession, endUserSessions } from './sessions/end-user-sessions.ts'
import { expireSessions } from './sessions/expire-sessions.ts'
import { introspectToken, type IntrospectTokenDeps } from './sessions/introspect-token.ts'
import { listSessions } from './sessions/list-sessions.ts'
import { reauthenticate, type ReauthenticateDeps } from './sessions/reauthenticate.ts'
import { refreshSession, type RefreshSessionDeps } from './sessions/refresh-session.ts'
import { listUserSessions } from './sessions/list-user-sessions.ts'
import { noteReceipts, type NoteReceiptsDeps } from './sessions/note-receipts.ts'
import { createTicket, type CreateTicketDeps } from './tickets/create-ticket.ts'
import { redeemTicket, type RedeemTicketDeps } from './tickets/redeem-ticket.ts'
import { acceptPasswordResets } from './users/accept-password-resets.ts'
import { changePassword, type ChangePasswordDeps } from './users/change-password.ts'
import { deleteUser } from './users/delete-user.ts'
import { disableUser } from './users/disable-user.ts'
import { enableUser } from './users/enable-user.ts'
import { exportUser } from './users/export-user.ts'
import { countSessions, findUsersByEmail, inspectUser } from './users/inspect-users.ts'
import { listUsers } from './users/list-users.ts'
import { liftBans } from './users/lift-bans.ts'
import { lookupUsers } from './users/lookup-users.ts'
import { readOwnUser } from './users/read-own-user.ts'
import { listActivity } from './users/list-activity.ts'
import { readUser, type ReadUserDeps } from './users/read-user.ts'
import { registerUser, type RegisterUserDeps } from './users/register-user.ts'
import { removeAvatar } from './users/remove-avatar.ts'
import { requestEmailVerification } from './users/request-email-verification.ts'
import { requestPasswordReset, type RequestPasswordResetDeps } from './users/request-password-reset.ts'
import { resetPassword, type ResetPasswordDeps } from './users/reset-password.ts'
import { searchUsers, type SearchUsersDeps } from './users/search-users.ts'
import { setAvatar, type SetAvatarDeps } from './users/set-avatar.ts'
import { setRoles } from './users/set-roles.ts'
import { undoEmailChange } from './users/undo-email-change.ts'
import { updateUser, type UpdateUserDeps } from './users/update-user.ts'
import { verifyEmail } from './users/verify-email.ts'

export type UseCaseDeps = AnnounceUsersDeps &
  AuthenticateLocallyDeps &
  CheckAccessTokenDeps &
  ChangePasswordDeps &
  CompleteSignInDeps &
  ConfirmTotpDeps &
  CreateSessionDeps &
  CreateTicketDeps &
  IntrospectTokenDeps &
  NoteReceiptsDeps &
  ReauthenticateDeps &
  RedeemTicketDeps &
  RefreshSessionDeps &
  RegisterUserDeps &
  ReadUserDeps &
  ReplayDeliveryDeps &
  SearchUsersDeps &
  SetAvatarDeps &
  RequestPasswordResetDeps &
  ResetPasswordDeps &
  UpdateUserDeps & {
    readonly auditLog: AuditLog
    readonly events: Events
    readonly emailChanges: EmailChanges
  }

/** Everything the service can do. */
export type UseCases = ReturnType<typeof createUseCases>

export const createUseCases = (deps: UseCaseDeps) => ({
  authenticate: authenticate(deps),
  authenticateLocally: authenticateLocally(deps),
  createSession: createSession(deps),
  completeSignIn: completeSignIn(deps),
  refreshSession: refreshSession(deps),
  reauthenticate: reauthenticate(deps),
  introspectToken: introspectToken(deps),
  noteReceipts: noteReceipts(deps),
  createTicket: createTicket(deps),
  redeemTicket: redeemTicket(deps),
  listSessions: listSessions(deps),
  listUserSessions: listUserSessions(deps),
  endOwnSession: endOwnSession(deps),
  endAllOwnSessions: endAllOwnSessions(deps),
  endUserSession: endUserSession(deps),
  endUserSessions: endUserSessions(deps),
  endSessionsOfAllUsers: endSessionsOfAllUsers(deps),
  countAllSessions: countAllSessions(deps),
  expireSessions: expireSessions(deps),
  ...createFactorUseCases(deps),
  createInvitation: createInvitation(deps),
  listInvitations: listInvitations(deps),
  revokeInvitation: revokeInvitation(deps),
  registerUser: registerUser(deps),
  readUser: readUser(deps),
  readOwnUser: readOwnUser(deps),
  updateUser: updateUser(deps),
  changePassword: changePassword(deps),
  setAvatar: setAvatar(deps),
  removeAvatar: removeAvatar(deps),
  deleteUser: deleteUser(deps),
  exportUser: exportUser(deps),
  searchUsers: searchUsers(deps),
  lookupUsers: lookupUsers(deps),
  inspectUser: inspectUser(deps),
  listUsers: listUsers(deps),
  findUsersByEmail: findUsersByEmail(deps),
  countSessions: countSessions(deps),
  disableUser: disableUser(deps),
  enableUser: enableUser(deps),
  liftBans: liftBans(deps),
  requestPasswordReset: requestPasswordReset(deps),
  acceptPasswordResets: acceptPasswordResets(deps),
  resetPassword: resetPassword(deps),
  requestEmailVerification: requestEmailVerification(deps),
  verifyEmail: verifyEmail(deps),
  undoEmailChange: undoEmailChange(deps),
  endSessionByLink: endSessionByLink(deps),
  setRoles: setRoles(deps),
  listDeliveries: listDeliveries(deps),
  replayDelivery: replayDelivery(deps),
  replayDeliveries: replayDeliveries(deps),
  announceUsers: announceUsers(deps),
  listAuditEntries: listAuditEntries(deps),
  listActivity: listActivity(deps),
})

const createFactorUseCases = (deps: UseCaseDeps) => ({
  listFactors: listFactors(deps),
  startTotp: startTotp(deps),
  confirmTotp: confirmTotp(deps),
  removeTotp: removeTotp(deps),
  renewRecoveryCodes: renewRecoveryCodes(deps),
  removeFactors: removeFactors(deps),
  reencryptTotpSecrets: reencryptTotpSecrets(deps),
})
