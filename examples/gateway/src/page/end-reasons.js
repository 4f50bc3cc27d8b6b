// The text for each end reason of docs/errors.md.
const words = {
  signed_out: 'You signed out.',
  terminated: 'Your session was ended from another of your devices.',
  terminated_by_admin: 'You were signed out by an operator.',
  replaced: 'The same device signed in again.',
  displaced: 'You are signed in on too many devices; this one was unused the longest.',
  password_changed: 'Your password was changed on another device.',
  credentials_changed: 'Your second factor was changed on another device.',
  refresh_token_reused: 'Somebody may have used a copy of your tokens. Look at your devices.',
  user_disabled: 'Your account was disabled by an operator.',
  user_deleted: 'The account was deleted.',
  expired: 'Your session expired.',
}

export const explainEnd = (reason) => words[reason] ?? 'Sign in again to continue.'
