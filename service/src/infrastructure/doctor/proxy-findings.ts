import type { Finding } from '../../interface-adapters/http/internal/finding.ts'
import { ok, warning } from './finding.ts'

const SHOWN = 5

/** Addresses that sent `X-Forwarded-For` to this instance since its start, and are not in `TRUSTED_PROXIES`. */
export function proxyFindings(peers: readonly string[]): readonly Finding[] {
  if (peers.length === 0) return [ok('proxies', 'X-Forwarded-For came from TRUSTED_PROXIES only')]
  const others = peers.length > SHOWN ? ` and ${peers.length - SHOWN} more` : ''
  return [
    warning(
      'proxies',
      `X-Forwarded-For came from ${peers.slice(0, SHOWN).join(', ')}${others}, not in TRUSTED_PROXIES, and was ignored`,
      'If one of them is your proxy, add it to TRUSTED_PROXIES: until then all of its users share one rate limit. Clients that send the header themselves gain nothing.',
    ),
  ]
}
