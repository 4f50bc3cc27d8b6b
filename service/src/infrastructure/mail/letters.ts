import type { StoredEvent } from '../../application/ports/deliveries.ts'
import {
  addressChanged,
  addressRestored,
  verifyAddress,
  verifyAddressAgain,
  verifyFirstAddress,
} from './address-letters.ts'
import type { Letter, LettersDeps, Occasion, OccasionOf } from './letter.ts'
import {
  deviceSignedOut,
  factorAdded,
  factorRemoved,
  newSignIn,
  passwordChanged,
  resetPassword,
} from './security-letters.ts'

type Composed = Promise<Letter | undefined> | Letter | undefined
type Table = {
  readonly [Type in StoredEvent['type']]?: (deps: LettersDeps) => (occasion: OccasionOf<Type>) => Composed
}

/**
 * The mail that follows from each type of event. It is composed of the present state, because an event may be delivered late:
 * then there is nothing to send any more, or the links live from now on, and a mail server that was down costs nobody a link.
 */
const letters: Table = {
  'user.created': verifyFirstAddress,
  'user.updated': verifyAddress,
  'user.email_verification_requested': verifyAddressAgain,
  'user.email_changed': addressChanged,
  'user.email_change_undone': addressRestored,
  'user.password_reset_requested': resetPassword,
  'user.password_changed': passwordChanged,
  'user.password_reset': passwordChanged,
  'user.factor_added': factorAdded,
  'user.factor_removed': factorRemoved,
  'session.created': newSignIn,
  'session.refresh_token_reused': deviceSignedOut,
}

export function hasLetter(event: StoredEvent): boolean {
  if (event.type === 'user.updated') return event.data.changed.includes('email')
  if (event.type === 'session.created') return event.data.is_new_place
  return event.type in letters
}

/** Undefined if there is nothing to send. */
export async function composeLetter(deps: LettersDeps, occasion: Occasion): Promise<Letter | undefined> {
  // The table gives the composer of this very type.
  const compose = letters[occasion.event.type] as
    ((deps: LettersDeps) => (occasion: Occasion) => Composed) | undefined
  return compose?.(deps)(occasion)
}
