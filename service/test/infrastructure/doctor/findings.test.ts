// Each check on what it would meet: the good, the odd and the broken.
import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { ListedKey } from '../../../src/application/keys/list-signing-keys.ts'
import type { RevocationFeed } from '../../../src/application/revocations/revocation-feed.ts'
import type { SigningKey } from '../../../src/domain/signing-key.ts'
import { readConfig } from '../../../src/infrastructure/config.ts'
import {
  encodeHeader,
  SharedSecretKeys,
  type TokenKeys,
} from '../../../src/infrastructure/crypto/key-ring.ts'
import { diskFindings } from '../../../src/infrastructure/doctor/disk-findings.ts'
import { feedFindings } from '../../../src/infrastructure/doctor/feed-findings.ts'
import { rotationFindings, signingFindings } from '../../../src/infrastructure/doctor/key-findings.ts'
import { settingsFindings } from '../../../src/infrastructure/doctor/settings-findings.ts'
import type { Finding } from '../../../src/interface-adapters/http/doctor-routes.ts'
import { at, DAY, HOUR } from '../../support/builders.ts'

const statuses = (findings: readonly Finding[]) => findings.map(({ status }) => status)

describe('settings', () => {
  const local = { HOST: '127.0.0.1' }
  const production = {
    PUBLIC_URL: 'https://auth.example.org',
    TRUSTED_PROXIES: '10.0.0.0/8',
    DATABASE_URL: 'postgres://db/chat_auth',
    AUTH_SECRET: 'a secret of the tests that is long enough',
  }

  test.each([
    ['on one machine', local],
    ['in production', production],
    [
      'in production, pages of the own network included',
      { ...production, CORS_ORIGINS: 'http://localhost:3000' },
    ],
  ])('that are fine %s', (_, settings) => {
    expect(settingsFindings(readConfig(settings))).toEqual([
      { check: 'settings', status: 'ok', detail: 'nothing is weak or odd' },
    ])
  })

  test.each<[string, Record<string, string>, string]>([
    ['open to others without TLS', {}, 'PUBLIC_URL'],
    [
      'open to others with the public secret',
      { AUTH_SECRET: 'for-trying-on-localhost-only-never-deploy-this' },
      'AUTH_SECRET',
    ],
    ['a proxy nobody named', { ...production, TRUSTED_PROXIES: '' }, 'TRUSTED_PROXIES'],
    ['pages that can be altered', { ...local, CORS_ORIGINS: 'http://chat.example.org' }, 'CORS_ORIGINS'],
    [
      'webhooks that can be read',
      {
        ...local,
        WEBHOOK_URLS: 'http://hooks.example.org/secret-path',
        WEBHOOK_ALLOW_PRIVATE: 'true',
        WEBHOOK_SECRETS: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwxyz0123456789abc',
      },
      'WEBHOOK_URLS',
    ],
    [
      'a secret left over',
      { ...local, AUTH_SECRET_PREVIOUS: 'a secret of the tests that was long enough' },
      'AUTH_SECRET_PREVIOUS',
    ],
    ['a log without sign-ins', { ...local, LOG_LEVEL: 'error' }, 'LOG_LEVEL'],
    [
      'a shared secret',
      {
        ...local,
        TOKEN_ALGORITHM: 'HS256',
        TOKEN_SHARED_SECRET: 'a shared secret of the tests, long enough',
      },
      'TOKEN_ALGORITHM',
    ],
    ['tokens for anybody', { ...local, TOKEN_AUDIENCE: '' }, 'TOKEN_AUDIENCE'],
    ['long access tokens', { ...local, ACCESS_TOKEN_TTL: '2h' }, 'ACCESS_TOKEN_TTL'],
    ['an idle limit that never counts', { ...local, SESSION_TTL: '7d' }, 'SESSION_IDLE_TTL'],
    ['tokens that outlive their session', { ...local, SESSION_IDLE_TTL: '10m' }, 'SESSION_IDLE_TTL'],
    [
      'tabs that sign each other out',
      { ...local, REFRESH_REUSE_WINDOW: '0', LOST_ANSWER: 'window' },
      'REFRESH_REUSE_WINDOW',
    ],
  ])('with %s', (_, settings, name) => {
    const findings = settingsFindings(readConfig(settings))
    expect(findings.map(({ detail }) => detail).join()).toContain(name)
    expect(new Set(statuses(findings))).toEqual(new Set(['warning']))
    for (const { advice } of findings) expect(advice).toMatch(/^[A-Z].*[\w.]$/)
    const text = JSON.stringify(findings)
    for (const secret of ['never-deploy', 'of the tests', 'whsec', 'secret-path'])
      expect(text).not.toContain(secret)
  })
})

describe('keys', () => {
  const shared = new SharedSecretKeys('a shared secret of the tests, long enough')
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
    ['that sign and check', ring(), 'ok'],
    ['that are one shared secret', shared, 'ok'],
    ['none of which signs', ring({ signingKey: () => undefined }), 'failed'],
    [
      'the signing one of which is not published',
      ring({ jwks: () => ({ keys: [{ kid: 'two' }] }) }),
      'failed',
    ],
    [
      'whose signature nobody accepts',
      ring({ verificationKey: () => ({ algorithm: 'EdDSA', encodedHeader: header, key: other.publicKey }) }),
      'failed',
    ],
    ['the signing one of which is unknown', ring({ verificationKey: () => undefined }), 'failed'],
  ])('%s', (_, tokenKeys, status) => {
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
    ['one signs for days', [listed('signing', 0)], 10 * DAY, ['ok']],
    ['its successor was just due', [listed('signing', 0)], 29 * DAY + HOUR, ['ok']],
    ['its successor is late', [listed('signing', 0)], 29 * DAY + HOUR + 1, ['warning']],
    ['its successor is there', [listed('signing', 0), listed('coming', 29.1 * DAY)], 29.09 * DAY, ['ok']],
    ['one was lost', [listed('published', 0, false), listed('signing', 0)], DAY, ['ok', 'warning']],
    ['a secret is shared', [], 0, []],
  ])('of which %s', (_, keys, now, expected) => {
    expect(statuses(rotationFindings(keys, at(now)))).toEqual(expected)
  })
})

describe('the feed', () => {
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
  ])('that was last read %d s ago', async (lag, status) => {
    expect(statuses(await examine(lag))).toEqual([status])
  })

  test('says how far it is, for whom, and whether it hears of others', async () => {
    const [first] = await examine(1)
    expect(first?.detail).toBe('last read 1000 ms ago, now read to 8, 1 reader')
    expect(statuses(await examine(1, { listening: true }))).toEqual(['ok', 'ok'])
    expect(statuses(await examine(1, { listening: false }))).toEqual(['ok', 'warning'])
  })

  test('that cannot be read rejects, for the doctor to say so', async () => {
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
])('a disk with %d MiB left', async (free, status) => {
  const stat = () => Promise.resolve({ bavail: free * 256, bsize: 4096 })
  expect(statuses(await diskFindings('/data', stat as never))).toEqual([status])
})
