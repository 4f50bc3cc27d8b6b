import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'

/** The secrets all keys are derived from: the current one, and the ones it replaced. */
export interface Secrets {
  readonly current: string
  readonly previous: readonly string[]
}

interface DerivedKey {
  /** Says which secret made a value, and reveals nothing about the secret. */
  readonly id: string
  readonly key: KeyObject
}

export interface DerivedKeys {
  readonly current: DerivedKey
  readonly byId: ReadonlyMap<string, DerivedKey>
}

/** One key for each secret and purpose (HKDF, RFC 5869), so that two purposes never share a key. */
export function deriveKeys({ current, previous }: Secrets, purpose: string): DerivedKeys {
  const keys = [current, ...previous].map((secret) => derive(secret, purpose))
  // Reversed, so that the current secret wins if two have the same id.
  const byId = new Map(keys.toReversed().map((key) => [key.id, key]))
  return { current: keys[0] as DerivedKey, byId }
}

function derive(secret: string, purpose: string): DerivedKey {
  const bytes = Buffer.from(hkdfSync('sha256', secret, '', `chat-auth ${purpose}`, 36))
  return { id: bytes.subarray(32).toString('hex'), key: createSecretKey(bytes.subarray(0, 32)) }
}
