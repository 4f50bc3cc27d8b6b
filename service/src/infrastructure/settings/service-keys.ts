import { SCOPES, SERVICE_NAME, type Scope, type ServiceKey } from '../../domain/service-key.ts'
import { weaknessOf } from './secret-strength.ts'
import { MAKE_A_SECRET, type SettingsReader } from './settings-reader.ts'

/** Characters that an Authorization header can carry (RFC 6750, section 2.1). A key with any other would never match. */
const BEARER_TOKEN = /^[\w.~+/-]+=*$/
const FORM =
  'must hold keys of the form name:scope+scope:secret, such as gateway:verify:SECRET, separated by commas'

/** Reads SERVICE_KEYS. Problems name a key by its position: any part of a malformed key may be its secret. */
export function readServiceKeys(settings: SettingsReader): readonly ServiceKey[] {
  const entries = settings.list('SERVICE_KEYS', () => true, '')
  const keys = entries.map(parseKey)
  const problems = keys.flatMap((key, at) => (typeof key === 'string' ? [`key ${at + 1} ${key}`] : []))
  const [problem] = problems
  if (problem !== undefined) settings.refuse('SERVICE_KEYS', `${FORM}; ${problem}`)
  const read = keys.filter((key) => typeof key !== 'string')
  const repeated = read.findIndex(({ secret }, at) => read.slice(0, at).some((key) => key.secret === secret))
  if (repeated >= 0) {
    settings.refuse(
      'SERVICE_KEYS',
      `${FORM}; key ${repeated + 1} has the secret of another key; ${MAKE_A_SECRET}`,
    )
  }
  return read
}

/** The key, or what is wrong with it. A scope may contain a colon, so the secret follows the last one. */
function parseKey(entry: string): ServiceKey | string {
  const [first, last] = [entry.indexOf(':'), entry.lastIndexOf(':')]
  if (first === last) return 'does not have these three parts'
  const name = entry.slice(0, first)
  const scopes = entry.slice(first + 1, last).split('+')
  const secret = entry.slice(last + 1)
  if (!SERVICE_NAME.test(name)) {
    return 'needs a name of 1 to 32 small letters, digits, - and _ that begins with a letter'
  }
  if (scopes.join() === '') return `has no scope; the scopes are ${SCOPES.join(', ')}`
  if (!scopes.every(isScope)) return `has an unknown scope; the scopes are ${SCOPES.join(', ')}`
  const weakness = weaknessOf(secret)
  if (weakness !== undefined) return `has a weak secret, which ${weakness}; ${MAKE_A_SECRET}`
  if (!BEARER_TOKEN.test(secret)) {
    return `has a secret with other characters than letters, digits and - . _ ~ + /, with = at the end; ${MAKE_A_SECRET}`
  }
  return { name, scopes: SCOPES.filter((scope) => scopes.includes(scope)), secret }
}

const isScope = (text: string): text is Scope => SCOPES.some((scope) => scope === text)
