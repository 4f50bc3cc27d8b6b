import { SCOPES } from '../../domain/service-key.ts'
import type { Finding } from '../../interface-adapters/http/internal/finding.ts'
import type { Storage } from '../storage/storage.ts'
import { ok, warning } from './finding.ts'
import { isLoopback } from '../settings/loopback.ts'

/**
 * A key with every scope is for the operator of one machine. If it is the only key, or can be used from other machines, each
 * service that verifies tokens may hold a key that bans users and sets roles.
 */
export function serviceKeyFindings(
  { serviceKeys }: Pick<Storage, 'serviceKeys'>,
  { internalHost }: { readonly internalHost: string },
): readonly Finding[] {
  const widest = serviceKeys.find(({ scopes }) => scopes.length === SCOPES.length)
  if (widest === undefined || (serviceKeys.length > 1 && isLoopback(internalHost))) {
    return [ok('service_keys', `${serviceKeys.length} keys, each with its own scopes`)]
  }
  const detail =
    serviceKeys.length === 1
      ? `the only key, ${widest.name}, has every scope: each service that verifies tokens can also ban users and set roles`
      : `the key ${widest.name} has every scope and can be used from other machines: INTERNAL_HOST=${internalHost}`
  return [
    warning(
      'service_keys',
      detail,
      'Give each service and operator a key of its own in SERVICE_KEYS, with only the scopes it needs, such as gateway:verify:SECRET.',
    ),
  ]
}
