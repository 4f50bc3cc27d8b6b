import { serverError } from './unavailable.ts'

/** Codes of Node.js for a certificate that does not prove the server. */
const CERTIFICATE_REFUSED = /^(?:.*SELF_SIGNED_CERT.*|UNABLE_TO_.*|CERT_.*|ERR_TLS_CERT_ALTNAME_INVALID)$/

/** Explains an error that waiting does not heal, because the settings are wrong or a right is missing. Otherwise undefined. */
export function explainRefusal(cause: unknown): string | undefined {
  if (!(cause instanceof Error)) return undefined
  const { message } = cause
  if (CERTIFICATE_REFUSED.test((cause as { code?: string }).code ?? '')) {
    return `The certificate of the database is not trusted: ${message}. Add sslmode=verify-full&sslrootcert=FILE to DATABASE_URL, with the file of the authority that signed it.`
  }
  const state = serverError(cause)?.code ?? ''
  const remedy = REMEDIES.get(state) ?? REMEDIES.get(state.slice(0, 2))
  return remedy && `The database refused: ${message}. ${remedy}`
}

/** By SQLSTATE, or by its class. */
const REMEDIES = new Map([
  ['28', 'Correct the user and the password in DATABASE_URL.'],
  ['3D000', 'Create the database, or correct its name in DATABASE_URL.'],
  ['42501', 'Make the user in DATABASE_URL the owner of the database, or grant it CREATE on the schema.'],
  ['42P07', 'Another program uses this name. Give the service a database of its own.'],
])
