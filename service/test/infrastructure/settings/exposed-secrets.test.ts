import { describe, expect, test } from 'vitest'
import { exposedSecrets } from '../../../src/infrastructure/settings/exposed-secrets.ts'

const remarks = (changes: Partial<Parameters<typeof exposedSecrets>[0]>): string[] =>
  exposedSecrets({
    publicUrl: 'http://localhost:8000',
    databaseUrl: undefined,
    databaseDirectUrl: undefined,
    databaseSslMode: undefined,
    ...changes,
  }).map(([detail, advice]) => `${detail}. ${advice}`)

describe('PUBLIC_URL', () => {
  test.each(['https://chat.example.org', 'http://localhost:8000', 'http://127.0.0.1', 'http://[::1]:8000'])(
    'PUBLIC_URL=%s exposes nothing',
    (publicUrl) => {
      expect(remarks({ publicUrl })).toEqual([])
    },
  )

  test.each(['http://chat.example.org', 'http://192.168.1.5:8000', 'http://chat'])(
    'PUBLIC_URL=%s exposes passwords and tokens',
    (publicUrl) => {
      expect(remarks({ publicUrl })).toEqual([
        `PUBLIC_URL has no TLS, so passwords and tokens can be read on the network: ${publicUrl}. ` +
          'Set PUBLIC_URL to the https address that users see.',
      ])
    },
  )
})

describe('DATABASE_URL', () => {
  test.each([
    'postgres://postgres:5432/chat',
    'postgres://localhost/chat',
    'postgres://10.1.2.3/chat',
    'postgres://[fd00::1]/chat',
    'postgres://db.default.svc.cluster.local/chat',
    'postgres://%2Fvar%2Frun%2Fpostgresql/chat',
    'postgresql:///chat?host=/var/run/postgresql',
    'postgres://db.example.org/chat?sslmode=verify-full',
    'postgres://db.example.org/chat?sslmode=prefer',
    'postgres://db.example.org/chat?ssl=true',
    'postgres://db.example.org/chat?sslrootcert=ca.pem',
  ])('%s exposes nothing', (databaseUrl) => {
    expect(remarks({ databaseUrl })).toEqual([])
  })

  test.each([
    ['postgres://a:hush@db.example.org/chat', 'db.example.org'],
    ['postgres://a:hush@8.8.8.8/chat', '8.8.8.8'],
    ['postgres://a:hush@[2606:4700::1]/chat', '[2606:4700::1]'],
    ['postgres://a:hush@db.example.org/chat?sslmode=disable&sslrootcert=ca.pem', 'db.example.org'],
    ['postgres://a:hush@db.example.org/chat?ssl=0', 'db.example.org'],
    ['postgresql:///chat?host=db.example.org', 'db.example.org'],
  ])('%s exposes its password, which no remark shows', (address, host) => {
    const withoutTls = (name: string): string =>
      `${name} leads to ${host} without TLS, so the password and the data can be read on the network. ` +
      `Add sslmode=verify-full to ${name}.`
    expect(remarks({ databaseUrl: address })).toEqual([withoutTls('DATABASE_URL')])
    expect(remarks({ databaseDirectUrl: address })).toEqual([withoutTls('DATABASE_DIRECT_URL')])
  })

  test.each(['prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'])(
    'with PGSSLMODE=%s an address that does not name a mode exposes nothing',
    (databaseSslMode) => {
      const databaseUrl = 'postgres://a:hush@db.example.org/chat'
      expect(remarks({ databaseUrl, databaseSslMode })).toEqual([])
      for (const parameter of ['sslmode=disable', 'ssl=0'])
        expect(remarks({ databaseUrl: `${databaseUrl}?${parameter}`, databaseSslMode })).toHaveLength(1)
    },
  )

  test.each(['disable', 'allow', 'Require', ''])(
    'with PGSSLMODE=%s the driver uses no TLS, so the password is exposed',
    (databaseSslMode) => {
      expect(remarks({ databaseUrl: 'postgres://a:hush@db.example.org/chat', databaseSslMode })).toHaveLength(
        1,
      )
    },
  )

  test('the password that stood in .env.example is remarked on', () => {
    const databaseUrl = 'postgres://chat_auth:forTryingOnLocalhostOnly@postgres:5432/chat_auth'
    expect(remarks({ databaseUrl })).toEqual([
      'DATABASE_URL has the public example password. Give the role another one, in the database and in the settings.',
    ])
  })
})
