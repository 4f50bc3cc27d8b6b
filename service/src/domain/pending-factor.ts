import { CLOCKS_APART_SECONDS, secondsAfter } from './session.ts'

/** Longer than setting up an authenticator takes. A secret that is not confirmed by then is worth nothing. */
const PENDING_FACTOR_SECONDS = 3600

/** Whether a secret of this age may still be confirmed. Not if a clock that was ahead made it. */
export const mayBeConfirmed = (createdAt: Date, now: Date): boolean =>
  now < secondsAfter(createdAt, PENDING_FACTOR_SECONDS) &&
  createdAt <= secondsAfter(now, CLOCKS_APART_SECONDS)
