import { resolve } from 'node:path'
import type { Logger } from 'pino'
import type { Config } from '../settings/config.ts'
import { SCOPES, type ServiceKey } from '../../domain/service-key.ts'
import { secretIn } from './data-folder-secrets.ts'
import { openEmbeddedDatabase } from '../embedded/embedded-database.ts'
import { openDatabase, type StatementObserver } from '../postgres/database.ts'
import { migrate } from '../postgres/migrate.ts'
import { openServer } from './open-server.ts'
import { countsOf, type KeyFiles, type Storage, type WakeUp } from './storage.ts'

const noOtherInstance: WakeUp = {
  isListening: () => Promise.resolve(undefined),
  stop: () => Promise.resolve(),
}

/** Opens the configured database and migrates it. Waits up to a minute for a server that is still starting. */
export const openStorage = (config: Config, logger: Logger, observe?: StatementObserver): Promise<Storage> =>
  config.databaseUrl === undefined
    ? openEmbedded(config, observe)
    : openServer(config, config.databaseUrl, logger, observe)

async function openEmbedded(
  { dataDir, authSecret, serviceKeys }: Config,
  observe: StatementObserver | undefined,
): Promise<Storage> {
  const folder = resolve(dataDir)
  const embedded = await openEmbeddedDatabase(folder)
  const db = openDatabase(embedded.pool, observe)
  await migrate(db)
  const own = serviceKeys.length === 0 ? ownKeys(folder) : undefined
  return {
    db,
    feedDb: db,
    outboxDb: db,
    location: folder,
    folder,
    pooling: 'none',
    poolUse: () => ({ isEmbedded: true, size: 1, ...countsOf(embedded.pool) }),
    authSecret: authSecret ?? secretIn(folder, 'auth-secret').value,
    serviceKeys: own?.keys ?? serviceKeys,
    keyFiles: own?.files,
    onRevocations: () => Promise.resolve(noOtherInstance),
    close: () => embedded.close(),
  }
}

/** Two keys, so that a service that only verifies tokens does not hold the key that bans users and sets roles. */
function ownKeys(folder: string): { keys: readonly ServiceKey[]; files: KeyFiles } {
  const operator = secretIn(folder, 'service-key')
  const verifier = secretIn(folder, 'verifier-key')
  return {
    keys: [
      { name: 'operator', scopes: SCOPES, secret: operator.value },
      { name: 'verifier', scopes: ['verify'], secret: verifier.value },
    ],
    files: { operator: operator.path, verifier: verifier.path },
  }
}
