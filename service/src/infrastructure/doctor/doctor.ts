import type { ListedKey } from '../../application/signing-keys/list-signing-keys.ts'
import type { Clock } from '../../application/ports/clock.ts'
import type { Doctor, Finding } from '../../interface-adapters/http/internal/finding.ts'
import type { Config } from '../settings/config.ts'
import type { TokenKeys } from '../crypto/key-ring.ts'
import type { Mailer } from '../mail/mailer.ts'
import type { Storage } from '../storage/storage.ts'
import { clockFindings } from './clock-findings.ts'
import { connectionFindings, databaseChecks } from './database-findings.ts'
import { diskFindings } from './disk-findings.ts'
import { feedFindings, type ExaminedFeed } from './feed-findings.ts'
import { attempt } from './finding.ts'
import { forgedAddressFindings } from './forged-address-findings.ts'
import { rotationFindings, signingFindings } from './key-findings.ts'
import { lifetimeFindings } from './lifetime-findings.ts'
import { mailFindings } from './mail-findings.ts'
import { outboxFindings } from './outbox-findings.ts'
import { proxyFindings } from './proxy-findings.ts'
import { serviceKeyFindings } from './service-key-findings.ts'
import { settingsFindings } from './settings-findings.ts'

export interface DoctorDeps extends Pick<ExaminedFeed, 'feed' | 'readerCount' | 'isListening'> {
  readonly config: Config
  readonly storage: Storage
  readonly clock: Clock
  readonly tokenKeys: TokenKeys
  /** Undefined if mail is off. */
  readonly mailer: Pick<Mailer, 'verify'> | undefined
  readonly untrustedProxies: () => readonly string[]
  /** Proves to every instance that a request is from a doctor. */
  readonly probeProof: () => string
  readonly listKeys: () => Promise<readonly ListedKey[]>
}

/** Measures at each call, everything in parallel: if the database does not respond, the call takes one deadline in all. */
export const createDoctor = (deps: DoctorDeps): Doctor => ({
  examine: async () => {
    const { config, storage, clock } = deps
    const { db } = storage
    // Before the checks use some connections.
    const use = storage.poolUse()
    const byDatabase = Object.entries(databaseChecks).map(
      ([check, measure]) => [check, () => measure(db)] as const,
    )
    const measurements: (readonly [string, () => Promise<readonly Finding[]>])[] = [
      ['settings', () => Promise.resolve(settingsFindings(config))],
      ['service_keys', () => Promise.resolve(serviceKeyFindings(storage, config))],
      ['proxies', () => Promise.resolve(proxyFindings(deps.untrustedProxies()))],
      ['proxies', () => forgedAddressFindings(config, deps.probeProof())],
      ...byDatabase,
      ['connections', () => connectionFindings(storage, use)],
      ...(storage.folder === undefined ? [] : [['disk', onDisk(storage.folder)] as const]),
      ['keys', () => Promise.resolve(signingFindings(deps.tokenKeys, clock.now()))],
      ['keys', async () => rotationFindings(await deps.listKeys(), clock.now())],
      ['clock', () => clockFindings(db, clock)],
      ['clock', () => lifetimeFindings(db, config, clock.now())],
      ['feed', () => feedFindings({ ...deps, now: () => clock.now() })],
      ['outbox', () => outboxFindings(storage.outboxDb, clock.now())],
      ['mail', () => mailFindings(config.mail, deps.mailer)],
    ]
    const found = await Promise.all(measurements.map(([check, measure]) => attempt(check, measure)))
    return found.flat()
  },
})

const onDisk = (folder: string) => () => diskFindings(folder)
