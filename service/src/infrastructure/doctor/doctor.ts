import type { ListedKey } from '../../application/keys/list-signing-keys.ts'
import type { Clock } from '../../application/ports/clock.ts'
import type { Doctor, Finding } from '../../interface-adapters/http/doctor-routes.ts'
import type { Config } from '../config.ts'
import type { TokenKeys } from '../crypto/key-ring.ts'
import type { Storage } from '../storage.ts'
import { clockFindings } from './clock-findings.ts'
import { connectionFindings, databaseChecks } from './database-findings.ts'
import { diskFindings } from './disk-findings.ts'
import { feedFindings, type ExaminedFeed } from './feed-findings.ts'
import { attempt } from './finding.ts'
import { rotationFindings, signingFindings } from './key-findings.ts'
import { outboxFindings } from './outbox-findings.ts'
import { settingsFindings } from './settings-findings.ts'

export interface DoctorDeps extends Pick<ExaminedFeed, 'feed' | 'readerCount' | 'isListening'> {
  readonly config: Config
  readonly storage: Storage
  readonly clock: Clock
  readonly tokenKeys: TokenKeys
  readonly listKeys: () => Promise<readonly ListedKey[]>
}

/** Measures at each call, everything at once: with a database that does not answer it takes its deadline once. */
export const createDoctor = (deps: DoctorDeps): Doctor => ({
  examine: async () => {
    const { config, storage, clock } = deps
    const { db } = storage
    // Before the checks take some.
    const use = storage.poolUse()
    const byDatabase = Object.entries(databaseChecks).map(
      ([check, measure]) => [check, () => measure(db)] as const,
    )
    const measurements: (readonly [string, () => Promise<readonly Finding[]>])[] = [
      ['settings', () => Promise.resolve(settingsFindings(config))],
      ...byDatabase,
      ['connections', () => connectionFindings(db, use)],
      ...(storage.folder === undefined ? [] : [['disk', onDisk(storage.folder)] as const]),
      ['keys', () => Promise.resolve(signingFindings(deps.tokenKeys, clock.now()))],
      ['keys', async () => rotationFindings(await deps.listKeys(), clock.now())],
      ['clock', () => clockFindings(db, clock)],
      ['feed', () => feedFindings({ ...deps, now: () => clock.now() })],
      ['outbox', () => outboxFindings(storage.outboxDb, clock.now())],
    ]
    const found = await Promise.all(measurements.map(([check, measure]) => attempt(check, measure)))
    return found.flat()
  },
})

const onDisk = (folder: string) => () => diskFindings(folder)
