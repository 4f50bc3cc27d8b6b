import { listSigningKeys } from '../application/keys/list-signing-keys.ts'
import { replaceSigningKey } from '../application/keys/replace-signing-key.ts'
import { rotateSigningKeys } from '../application/keys/rotate-signing-keys.ts'
import type { Clock } from '../application/ports/clock.ts'
import type { Config } from './config.ts'
import type { Secrets } from './crypto/secrets.ts'
import { createTokenKeys } from './crypto/token-keys.ts'
import { PostgresSigningKeys } from './postgres/postgres-signing-keys.ts'
import type { Storage } from './storage.ts'

interface KeysDeps {
  readonly config: Config
  readonly storage: Storage
  readonly secrets: Secrets
  readonly clock: Clock
}

export type Keys = Awaited<ReturnType<typeof openKeys>>

/** What access tokens are signed and checked with, ready to sign, and how operators see it. */
export async function openKeys({ config, storage, secrets, clock }: KeysDeps) {
  const { tokenKeys, rotation } = createTokenKeys(config, secrets)
  const by = (signingKeys: PostgresSigningKeys) => rotation && { ...rotation, signingKeys, clock }
  const signing = by(new PostgresSigningKeys(storage.db))
  const rotate = signing ? rotateSigningKeys(signing) : () => Promise.resolve()
  await rotate()
  return {
    tokenKeys,
    rotate,
    canSign: () => tokenKeys.signingKey(clock.now()) !== undefined,
    algorithm: config.tokenAlgorithm,
    jwks: () => tokenKeys.jwks(clock.now()),
    list: listSigningKeys(signing),
    /** The same, past the crowd of requests. */
    watch: listSigningKeys(by(new PostgresSigningKeys(storage.outboxDb))),
    replace: replaceSigningKey(signing),
  }
}
