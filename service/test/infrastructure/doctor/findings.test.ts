// Each check on good, odd and broken input.
import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { ListedKey } from '../../../src/application/signing-keys/list-signing-keys.ts'
import type { RevocationFeed } from '../../../src/application/revocations/revocation-feed.ts'
import type { SigningKey } from '../../../src/domain/signing-key.ts'
import { readConfig } from '../../../src/infrastructure/settings/config.ts'
import {
  encodeHeader,
  SharedSecretKeys,
  type TokenKeys,
} from '../../../src/infrastructure/crypto/key-ring.ts'
import { diskFindings } from '../../../src/infrastructure/doctor/disk-findings.ts'
import { feedFindings } from '../../../src/infrastructure/doctor/feed-findings.ts'
import { rotationFindings, signingFindings } from '../../../src/infrastructure/doctor/key-findings.ts'
import { settingsFindings } from '../../../src/infrastructure/doctor/settings-findings.ts'
import type { Finding } from '../../../src/interface-adapters/http/internal/finding.ts'
import { at, DAY, HOUR } from '../../support/builders.ts'

const statuses = (findings: readonly Finding[]) => findings.map(({ status }) => status)

describe('the settings findings', () => {
  const local = { HOST: '127.0.0.1' }
  const production = {
    PUBLIC_URL: 'https://auth.example.org',
    TRUSTED_PROXIES: '10.0.0.0/8',
    DATABASE_URL: 'postgres://db/chat_auth',
    AUTH_SECRET: 'a secret for tests that is long enough',
  }

  test.each([
    ['on one machine', local],
    ['in production', production],
    ['in production with pages on localhost', { ...production, CORS_ORIGINS: 'http://localhost:3000' }],
  ])('the doctor finds nothing in settings that are fine %s', (_, settings) => {
    expect(settingsFindings(readConfig(settings))).toEqual([
      { check: 'settings', status: 'ok', detail: 'none is weak or odd' },
    ])
  })

  test.each<[string, Record<string, string>, string]>([
    ['a listener for other machines without TLS', {}, 'PUBLIC_URL'],
    ['an address for users without TLS', { ...local, PUBLIC_URL: 'http://192.168.1.5:8000' }, 'PUBLIC_URL'],
    [
      'a database on the internet without TLS',
      { ...production, DATABASE_URL: 'postgres://db.example.org/chat_auth' },
      'DATABASE_URL',
    ],
    ['a proxy that is not configured', { ...production, TRUSTED_PROXIES: '' }, 'TRUSTED_PROXIES'],
    ['page origins without TLS', { ...local, CORS_ORIGINS: 'http://chat.example.org' }, 'CORS_ORIGINS'],
    [
      'webhooks without TLS',
      {
        ...local,
        WEBHOOK_URLS: 'http://hooks.example.org/secret-path',
        WEBHOOK_ALLOW_PRIVATE: 'true',
        WEBHOOK_SECRETS: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwxyz0123456789abc',
      },
      'WEBHOOK_URLS',
    ],
    [
      'an old secret that was not removed',
      { ...local, AUTH_SECRET_PREVIOUS: 'a secret for tests that was long enough' },
      'AUTH_SECRET_PREVIOUS',
    ],
    ['a log without sign-ins', { ...local, LOG_LEVEL: 'error' }, 'LOG_LEVEL'],
    [
      'a shared secret',
      {
        ...local,
        TOKEN_ALGORITHM: 'HS256',
        TOKEN_SHARED_SECRET: 'a shared secret for tests, long enough',
      },
      'TOKEN_ALGORITHM',
    ],
    ['tokens for any audience', { ...local, TOKEN_AUDIENCE: '' }, 'TOKEN_AUDIENCE'],
    ['long access tokens', { ...local, ACCESS_TOKEN_TTL: '2h' }, 'ACCESS_TOKEN_TTL'],
    ['an idle limit without effect', { ...local, SESSION_TTL: '7d' }, 'SESSION_IDLE_TTL'],
    ['tokens that outlive their session', { ...local, SESSION_IDLE_TTL: '10m' }, 'SESSION_IDLE_TTL'],
    [
      'tabs that end each other’s session',
      { ...local, REFRESH_REUSE_WINDOW: '0', LOST_ANSWER: 'window' },
      'REFRESH_REUSE_WINDOW',
    ],
  ])('the doctor warns about settings with %s', (_, settings, name) => {
    const findings = settingsFindings(readConfig(settings))
    expect(findings.map(({ detail }) => detail).join()).toContain(name)
    expect(new Set(statuses(findings))).toEqual(new Set(['warning']))
    for (const { advice } of findings) expect(advice).toMatch(/^[A-Z].*[\w.]$/)
    const text = JSON.stringify(findings)
    for (const secret of ['never-deploy', 'for tests', 'whsec', 'secret-path'])
      expect(text).not.toContain(secret)
  })
})

describe('the key findings', () => {
  const shared = new SharedSecretKeys('a shared secret for tests, long enough')
  const pair = generateKeyPairSync('ed25519')
  const other = generateKeyPairSync('ed25519')
  const header = encodeHeader('EdDSA', 'one')
  const ring = (changes: Partial<TokenKeys> = {}): TokenKeys => ({
    signingKey: () => ({ algorithm: 'EdDSA', encodedHeader: header, key: pair.privateKey }),
    verificationKey: () => ({ algorithm: 'EdDSA', encodedHeader: header, key: pair.publicKey }),
    jwks: () => ({ keys: [{ kid: 'one' }] }),
    ...changes,
  })

  test.each<[string, TokenKeys, string]>([
    ['keys that sign and verify', ring(), 'ok'],
    ['a shared secret', shared, 'ok'],
    ['keys without one that signs', ring({ signingKey: () => undefined }), 'failed'],
    ['a signing key that is not published', ring({ jwks: () => ({ keys: [{ kid: 'two' }] }) }), 'failed'],
    [
      'a signing key whose signatures are not accepted',
      ring({ verificationKey: () => ({ algorithm: 'EdDSA', encodedHeader: header, key: other.publicKey }) }),
      'failed',
    ],
    ['a signing key that verifiers do not know', ring({ verificationKey: () => undefined }), 'failed'],
  ])('the doctor judges %s', (_, tokenKeys, status) => {
    expect(statuses(signingFindings(tokenKeys, at(0)))).toEqual([status])
  })

  const listed = (state: ListedKey['state'], signsFrom: number, isUsable = true): ListedKey => ({
    key: {
      signsFrom: at(signsFrom),
      signsUntil: at(signsFrom + 30 * DAY),
    } as SigningKey,
    state,
    isUsable,
  })

  test.each<[string, ListedKey[], number, string[]]>([
    ['has days left', [listed('signing', 0)], 10 * DAY, ['ok']],
    ['has a next key that is just due', [listed('signing', 0)], 29 * DAY + HOUR, ['ok']],
    ['has a next key that is late', [listed('signing', 0)], 29 * DAY + HOUR + 1, ['warning']],
    ['has a next key', [listed('signing', 0), listed('coming', 29.1 * DAY)], 29.09 * DAY, ['ok']],
    [
      'is usable, while another was lost',
      [listed('published', 0, false), listed('signing', 0)],
      DAY,
      ['ok', 'warning'],
    ],
    ['was made with another secret', [listed('published', 0, false)], DAY, ['failed']],
    ['is a shared secret', [], 0, []],
  ])('the doctor judges the rotation if the signing key %s', (_, keys, now, expected) => {
    expect(statuses(rotationFindings(keys, at(now)))).toEqual(expected)
  })
})

describe('the feed findings', () => {
  const examine = (lagSeconds: number, { listening = undefined as boolean | undefined } = {}) => {
    let asOf = at(-lagSeconds)
    const feed = {
      position: () => ({ seq: 7, asOf }),
      catchUp: () => Promise.resolve({ seq: 8, asOf: (asOf = at(0)) }),
    } as RevocationFeed
    return feedFindings({
      feed,
      readerCount: () => 1,
      isListening: () => Promise.resolve(listening),
      now: () => at(0),
    })
  }

  test.each([
    [1, 'ok'],
    [2.5, 'ok'],
    [2.6, 'warning'],
    [5, 'warning'],
    [5.1, 'failed'],
  ])('the doctor judges a feed that was last read %d s ago', async (lag, status) => {
    expect(statuses(await examine(lag))).toEqual([status])
  })

  test('the doctor reports the seq of the feed, its readers and whether it is notified', async () => {
    const [first] = await examine(1)
    expect(first?.detail).toBe('last read 1000 ms ago, now read to 8, 1 reader')
    expect(statuses(await examine(1, { listening: true }))).toEqual(['ok', 'ok'])
    expect(statuses(await examine(1, { listening: false }))).toEqual(['ok', 'warning'])
  })

  test('a feed that cannot be read rejects, so that the check fails', async () => {
    const feed = {
      position: () => undefined,
      catchUp: () => Promise.reject(new Error('the revocation log has no row 5')),
    } as unknown as RevocationFeed
    const looking = feedFindings({
      feed,
      readerCount: () => 0,
      isListening: () => Promise.resolve(undefined),
      now: () => at(0),
    })
    await expect(looking).rejects.toThrow('no row 5')
  })
})

test.each([
  [2048, 'ok'],
  [1023, 'warning'],
  [127, 'failed'],
])('the doctor judges a disk with %d MiB left', async (free, status) => {
  const stat = () => Promise.resolve({ bavail: free * 256, bsize: 4096 })
  expect(statuses(await diskFindings('/data', stat as never))).toEqual([status])
})
