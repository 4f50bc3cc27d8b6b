import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'

/** What everything secret is derived from: the present secret, and those it replaced. */
export interface Secrets {
  readonly current: string
  readonly previous: readonly string[]
}

interface DerivedKey {
  /** Tells which secret a value was made with; says nothing about the secret. */
  readonly id: string
  readonly key: KeyObject
}

export interface DerivedKeys {
  readonly current: DerivedKey
  readonly byId: ReadonlyMap<string, DerivedKey>
}

/** One key per secret for one purpose (HKDF, RFC 5869), so that no two purposes ever share one. */
export function deriveKeys({ current, previous }: Secrets, purpose: string): DerivedKeys {
  const keys = [current, ...previous].map((secret) => derive(secret, purpose))
  // Of two secrets with the same id the first, the present one, counts.
  const byId = new Map(keys.toReversed().map((key) => [key.id, key]))
  return { current: keys[0] as DerivedKey, byId }
}

function derive(secret: string, purpose: string): DerivedKey {
  const bytes = Buffer.from(hkdfSync('sha256', secret, '', `chat-auth ${purpose}`, 36))
  return { id: bytes.subarray(32).toString('hex'), key: createSecretKey(bytes.subarray(0, 32)) }
}
