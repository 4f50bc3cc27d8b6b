import { listSigningKeys } from '../application/signing-keys/list-signing-keys.ts'
import { replaceSigningKey } from '../application/signing-keys/replace-signing-key.ts'
import { rotateSigningKeys } from '../application/signing-keys/rotate-signing-keys.ts'
import type { Clock } from '../application/ports/clock.ts'
import type { Config } from '../infrastructure/settings/config.ts'
import type { Secrets } from '../infrastructure/crypto/secrets.ts'
import { createTokenKeys } from '../infrastructure/crypto/token-keys.ts'
import { PostgresSigningKeys } from '../infrastructure/postgres/postgres-signing-keys.ts'
import type { Storage } from '../infrastructure/storage/storage.ts'

interface SigningKeyDeps {
  readonly config: Config
  readonly storage: Storage
  readonly secrets: Secrets
  readonly clock: Clock
}

export type OpenSigningKeys = Awaited<ReturnType<typeof openSigningKeys>>

/** Opens the keys that sign and verify access tokens. When it resolves, a key can sign. */
export async function openSigningKeys({ config, storage, secrets, clock }: SigningKeyDeps) {
  const { tokenKeys, rotation } = createTokenKeys(config, secrets)
  const storedIn = (signingKeys: PostgresSigningKeys) => rotation && { ...rotation, signingKeys, clock }
  const stored = storedIn(new PostgresSigningKeys(storage.db))
  const rotate = stored ? rotateSigningKeys(stored) : () => Promise.resolve()
  await rotate()
  return {
    tokenKeys,
    rotate,
    canSign: () => tokenKeys.signingKey(clock.now()) !== undefined,
    algorithm: config.tokenAlgorithm,
    jwks: () => tokenKeys.jwks(clock.now()),
    list: listSigningKeys(stored),
    /**
     * The same list, read over the outbox's connections, so that a burst of requests does not hide the metrics of the
     * keys.
     */
    listForMetrics: listSigningKeys(storedIn(new PostgresSigningKeys(storage.outboxDb))),
    replace: replaceSigningKey(stored),
  }
}
