import { SCOPES, type Scope } from '../../src/domain/service-key.ts'

/** SERVICE_KEYS with one key, which has every scope unless others are given. */
export const serviceKeySetting = (secret: string, scopes: readonly Scope[] = SCOPES): string =>
  `tests:${scopes.join('+')}:${secret}`

export const testVerifierKey = 'verifier-key-of-the-tests-that-is-long'

/** A key for everything and one for verifiers, as in the embedded service. */
export const testServiceKeys = `${serviceKeySetting('service-key-of-the-tests-that-is-long')},verifier:verify:${testVerifierKey}`

/** The secret of the first key in SERVICE_KEYS. */
export const firstSecret = (keys: string): string => keys.split(',')[0]?.split(':').at(-1) ?? ''
