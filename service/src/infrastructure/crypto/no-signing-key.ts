import { unavailable, type ApplicationError } from '../../application/errors.ts'

/** For a token that is to be signed while no key of the ring may sign. */
export const noSigningKey = (): ApplicationError =>
  unavailable('The service has no key to sign tokens with at the moment.', 5)
