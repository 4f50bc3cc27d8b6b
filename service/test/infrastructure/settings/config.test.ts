import { describe, expect, test } from 'vitest'
import { readConfig } from '../../../src/infrastructure/settings/config.ts'
import { SettingsError, type Environment } from '../../../src/infrastructure/settings/settings-reader.ts'

const example = 'for-trying-on-localhost-only-never-deploy-this'
const secret = 'a secret of this test that is long enough'
const key = 'a-service-key-of-this-test-that-is-long'
const makeOne = 'make one with: openssl rand -base64 32'
const everywhere =
  'and set it in every service that verifies with it (the KEY of the older services) at the same time'

const messageFor = (environment: Environment): string => {
  try {
    readConfig(environment)
  } catch (error) {
    if (error instanceof SettingsError) return error.message
    throw error
  }
  return 'accepted'
}

/** The lines below the heading, one per setting. */
const refusals = (environment: Environment): string[] =>
  messageFor(environment)
    .split('\n')
    .slice(1)
    .map((line) => line.trim())

describe('with no setting at all', () => {
  test('without settings the service runs embedded with the documented defaults', () => {
    expect(readConfig({})).toEqual({
      port: 8000,
      host: '0.0.0.0',
      internalPort: 8010,
      internalHost: '127.0.0.1',
      publicUrl: 'http://localhost:8000',
      databaseUrl: undefined,
      databasePoolSize: 10,
      dataDir: './data',
      authSecret: undefined,
      previousAuthSecrets: [],
      serviceKeys: [],
      tokenIssuer: 'http://localhost:8000',
      tokenAudience: 'chat',
      tokenAlgorithm: 'EdDSA',
      tokenSharedSecret: undefined,
      accessTokenTtlSeconds: 600,
      sessionIdleTtlSeconds: 30 * 24 * 3600,
      sessionTtlSeconds: 180 * 24 * 3600,
      recentAuthenticationTtlSeconds: 600,
      refreshReuseWindowSeconds: 30,
      lostResponse: 'receipts',
      auditRetentionSeconds: 180 * 24 * 3600,
      maximumSessionsPerUser: 50,
      brandName: 'chat-auth',
      brandColor: '#2563eb',
      mail: {
        kind: 'mailbox',
        from: { name: 'chat-auth', address: 'no-reply@localhost' },
        templates: undefined,
      },
      passwordMinimumLength: 8,
      registration: 'open',
      registrationsPerNetwork: 20,
      proofOfWorkCost: 5000,
      reservedUsernames: expect.arrayContaining([
        'admin',
        'administrator',
        'moderator',
        'support',
        'system',
        'root',
        'security',
        'help',
        'chat-auth',
      ]) as unknown,
      corsOrigins: [],
      trustedProxies: [],
      webhooks: [],
      webhookAllowPrivate: false,
      messagingUrl: undefined,
      platformOpenLookup: false,
      shutdownDelaySeconds: 0,
      logLevel: 'info',
      otlp: undefined,
    })
  })

  test('blank settings count as unset', () => {
    const names = [
      'PORT',
      'HOST',
      'PUBLIC_URL',
      'DATABASE_URL',
      'AUTH_SECRET',
      'ACCESS_TOKEN_TTL',
      'LOG_LEVEL',
    ]
    const environment = Object.fromEntries(names.map((name, index) => [name, index % 2 === 0 ? '' : '  ']))
    expect(readConfig(environment)).toEqual(readConfig({}))
  })
})

describe('a duration', () => {
  test.each([
    ['10s', 10],
    ['10m', 600],
    ['12h', 43_200],
    ['1d', 86_400],
    [' 90s ', 90],
  ])('a duration may be %j', (text, seconds) => {
    expect(readConfig({ ACCESS_TOKEN_TTL: text }).accessTokenTtlSeconds).toBe(seconds)
  })

  test.each(['0', '0s', '0d'])('a duration may be %j if its range includes zero', (text) => {
    expect(readConfig({ REFRESH_REUSE_WINDOW: text }).refreshReuseWindowSeconds).toBe(0)
  })

  test.each([
    '0',
    '0s',
    '90',
    '10 m',
    '1.5h',
    '-5m',
    '5M',
    '1h30m',
    '10min',
    '1e3s',
    '٣m',
    'm',
    '1d1',
    '9s',
    '25h',
    '2d',
  ])('the lifetime of an access token may not be %j', (text) => {
    expect(refusals({ ACCESS_TOKEN_TTL: text })).toEqual([
      `ACCESS_TOKEN_TTL must be a duration such as 30s, 10m, 12h or 30d, from 10s to 1d, not "${text}"`,
    ])
  })

  test.each([
    ['SESSION_IDLE_TTL', '59s', 'from 1m to 3650d'],
    ['RECENT_AUTHENTICATION_TTL', '59s', 'from 1m to 1d'],
    ['AUDIT_RETENTION', '23h', 'from 1d to 3650d'],
    ['SESSION_TTL', '3651d', 'from 1m to 3650d'],
    ['REFRESH_REUSE_WINDOW', '11m', 'from 0 to 10m'],
  ])('a duration outside its range is refused with the range (%s)', (name, text, range) => {
    expect(refusals({ [name]: text })).toEqual([
      `${name} must be a duration such as 30s, 10m, 12h or 30d, ${range}, not "${text}"`,
    ])
  })
})

describe('a whole number', () => {
  test.each([
    ['PORT', '65536', 0, 65_535],
    ['INTERNAL_PORT', '-1', 0, 65_535],
    ['PORT', '8000.5', 0, 65_535],
    ['PORT', '0x1f40', 0, 65_535],
    ['DATABASE_POOL_SIZE', '0', 1, 200],
    ['MAX_SESSIONS_PER_USER', '1001', 1, 1000],
    ['PASSWORD_MIN_LENGTH', '7', 8, 64],
    ['PASSWORD_MIN_LENGTH', 'eight', 8, 64],
  ])('%s=%s is refused with the range of the number', (name, text, lowest, highest) => {
    expect(refusals({ [name]: text })).toEqual([
      `${name} must be a whole number from ${lowest} to ${highest}, not "${text}"`,
    ])
  })

  test('a whole number may be at either end of its range', () => {
    const config = readConfig({ PORT: '0', INTERNAL_PORT: '65535', PASSWORD_MIN_LENGTH: '64' })
    expect(config).toMatchObject({ port: 0, internalPort: 65_535, passwordMinimumLength: 64 })
  })
})

describe('a choice', () => {
  test.each([
    ['TOKEN_ALGORITHM', 'none', 'EdDSA, ES256, RS256, HS256'],
    ['TOKEN_ALGORITHM', 'eddsa', 'EdDSA, ES256, RS256, HS256'],
    ['LOST_ANSWER', 'always', 'receipts, window'],
    ['LOG_LEVEL', 'verbose', 'fatal, error, warn, info, debug, trace, silent'],
  ])('%s=%s is refused with the list of choices', (name, text, choices) => {
    expect(refusals({ [name]: text })).toEqual([`${name} must be one of ${choices}, not "${text}"`])
  })
})

describe('TOKEN_AUDIENCE', () => {
  test.each([
    [undefined, 'chat'],
    ['', undefined],
    [' ', undefined],
    ['https://api.example.org', 'https://api.example.org'],
  ])('TOKEN_AUDIENCE=%j means the audience %j', (text, audience) => {
    expect(readConfig({ TOKEN_AUDIENCE: text }).tokenAudience).toBe(audience)
  })
})

describe('PUBLIC_URL', () => {
  test.each([
    ['https://chat.example.org/', 'https://chat.example.org'],
    ['https://example.org/auth//', 'https://example.org/auth'],
    ['HTTPS://Chat.Example.org:443', 'https://chat.example.org'],
    ['http://[::1]:8000', 'http://[::1]:8000'],
  ])('PUBLIC_URL=%s is used as %s and as the issuer', (text, publicUrl) => {
    expect(readConfig({ PUBLIC_URL: text })).toMatchObject({ publicUrl, tokenIssuer: publicUrl })
  })

  test('PUBLIC_URL is not the issuer if TOKEN_ISSUER is set', () => {
    const config = readConfig({
      PUBLIC_URL: 'https://chat.example.org',
      TOKEN_ISSUER: 'https://id.example.org/',
    })
    expect(config.tokenIssuer).toBe('https://id.example.org/')
  })

  test.each(['chat.example.org', 'localhost:8000', 'ftp://chat.example.org', 'https://', '/auth'])(
    'PUBLIC_URL may not be %s',
    (text) => {
      expect(refusals({ PUBLIC_URL: text })).toEqual([
        'PUBLIC_URL must be an address that starts with http:// or https:// and names a host',
      ])
    },
  )

  test.each(['https://ann:pw@example.org', 'https://example.org/?a=b', 'https://example.org/#top'])(
    'PUBLIC_URL may not contain user, password, query or fragment: %s',
    (text) => {
      expect(refusals({ PUBLIC_URL: text })).toEqual([
        'PUBLIC_URL must be an address only, such as https://chat.example.org: without user, password, ? and #',
      ])
    },
  )
})

describe('DATABASE_URL', () => {
  test.each(['postgres://a:b@db.example.org:5432/chat', 'postgresql://db/chat?sslmode=require'])(
    'DATABASE_URL may be %s',
    (url) => {
      expect(readConfig({ DATABASE_URL: url, AUTH_SECRET: secret }).databaseUrl).toBe(url)
    },
  )

  test.each([
    'postgresql:///chat?host=/var/run/postgresql',
    'postgres://%2Fvar%2Frun%2Fpostgresql/chat',
    'postgres://db/chat?target_session_attrs=any&connect_timeout=5',
  ])('DATABASE_URL may be %s', (url) => {
    expect(readConfig({ DATABASE_URL: url, AUTH_SECRET: secret }).databaseUrl).toBe(url)
  })

  const anAddress =
    'must be an address that starts with postgres:// or postgresql:// and names a host; a socket is written as ' +
    'postgres://%2Fvar%2Frun%2Fpostgresql/name'
  const oneHost =
    'names several hosts, of which the driver would use none or one; give the one address that leads to the primary, ' +
    'such as that of HAProxy, PgBouncer or a virtual IP'

  test.each([
    ['mysql://db/chat', anAddress],
    ['db.example.org/chat', anAddress],
    [
      'postgresql+psycopg://a:hush@db/chat',
      'names a driver of SQLAlchemy; remove "+psycopg", so that it starts with postgresql://',
    ],
    [
      'postgres+asyncpg://a:hush@db/chat',
      'names a driver of SQLAlchemy; remove "+asyncpg", so that it starts with postgresql://',
    ],
    ['postgres:///chat', anAddress],
    ['postgres://a:p#q@db/chat', anAddress],
    ['postgres://a:hush@one,two/chat', oneHost],
    ['postgres://a:hush@one:5432,two:5433/chat', oneHost],
    ['postgresql:///chat?host=one,two', oneHost],
    [
      'postgres://db/chat?target_session_attrs=read-write',
      'has target_session_attrs with a value that would be ignored; it must be any, or left out',
    ],
    [
      'postgres://db/chat?channel_binding=require',
      'has channel_binding with a value that would be ignored; it must be disable, prefer, or left out',
    ],
    [
      'postgres://db/chat?sslmode=allow',
      'has sslmode with a value that would be ignored; it must be disable, no-verify, prefer, require, verify-ca, verify-full, or left out',
    ],
    [
      'postgres://db/chat?require_auth=scram-sha-256',
      'has the parameter require_auth, which would be ignored; leave it out',
    ],
    [
      'postgres://db/chat?constructor=1',
      'has the parameter constructor, which would be ignored; leave it out',
    ],
    [
      'postgres://db/chat?sslmode=verify-full&sslrootcert=/no/such/file',
      'names a file in sslrootcert that cannot be read: /no/such/file',
    ],
  ])('DATABASE_URL may not be %s', { tags: ['OPS-19'] }, (url, problem) => {
    for (const name of ['DATABASE_URL', 'DATABASE_DIRECT_URL']) {
      const settings = { DATABASE_URL: 'postgres://db/chat', AUTH_SECRET: secret, [name]: url }
      expect(refusals(settings)).toEqual([`${name} ${problem}`])
    }
  })

  test.each(['postgres://db/chat', 'garbage'])('DATABASE_URL=%s requires AUTH_SECRET', (url) => {
    expect(refusals({ DATABASE_URL: url })).toContain(`AUTH_SECRET is required with DATABASE_URL; ${makeOne}`)
  })
})

describe('AUTH_SECRET', () => {
  test.each([31, 1])('AUTH_SECRET with %i characters is refused', (length) => {
    expect(refusals({ AUTH_SECRET: secret.slice(0, length) })).toEqual([
      `AUTH_SECRET needs at least 32 characters; ${makeOne}`,
    ])
  })

  test('AUTH_SECRET may have 32 characters', () => {
    expect(readConfig({ AUTH_SECRET: secret.slice(0, 32) }).authSecret).toBe(secret.slice(0, 32))
  })

  test.each([`${secret},${secret}`, ',', `${secret},`])(
    'AUTH_SECRET may not hold several secrets: %j',
    (text) => {
      expect(refusals({ AUTH_SECRET: text })).toEqual([
        'AUTH_SECRET must be one secret without commas; put older ones in AUTH_SECRET_PREVIOUS',
      ])
    },
  )

  test.each([{}, { PUBLIC_URL: 'http://[::1]:8000', HOST: '::1', INTERNAL_HOST: 'localhost' }])(
    'AUTH_SECRET may be the public example where nobody else can reach the service: %j',
    (changes) => {
      expect(readConfig({ AUTH_SECRET: example, HOST: '127.0.0.1', ...changes }).authSecret).toBe(example)
    },
  )

  test.each<Record<string, string>>([
    { PUBLIC_URL: 'https://chat.example.org' },
    { PUBLIC_URL: 'http://192.168.1.5:8000' },
    { PUBLIC_URL: 'http://localhost.example.org' },
    { PUBLIC_URL: 'http://[::2]' },
    { HOST: '' },
    { HOST: '0.0.0.0' },
    { HOST: '::' },
    { HOST: '192.168.1.5' },
    { INTERNAL_HOST: '0.0.0.0' },
    { DATABASE_URL: 'postgres://localhost/chat' },
  ])('AUTH_SECRET may not be the public example with %j', { tags: ['OPS-20'] }, (changes) => {
    expect(refusals({ AUTH_SECRET: example, HOST: '127.0.0.1', ...changes })).toEqual([
      `AUTH_SECRET holds the public example; ${makeOne}`,
    ])
  })
})

describe('AUTH_SECRET_PREVIOUS', () => {
  test('AUTH_SECRET_PREVIOUS may hold several secrets, with or without spaces', () => {
    const [first, second] = [`${secret} once`, `${secret} before that`]
    const config = readConfig({ AUTH_SECRET: secret, AUTH_SECRET_PREVIOUS: `${first} , ${second},` })
    expect(config.previousAuthSecrets).toEqual([first, second])
  })

  test('AUTH_SECRET_PREVIOUS may not hold the public example on a public address', () => {
    const environment = {
      AUTH_SECRET: secret,
      AUTH_SECRET_PREVIOUS: example,
      PUBLIC_URL: 'https://chat.example.org',
    }
    expect(refusals(environment)).toEqual(['AUTH_SECRET_PREVIOUS holds the public example; leave it out'])
  })

  test('AUTH_SECRET_PREVIOUS may not hold a short secret', () => {
    expect(refusals({ AUTH_SECRET: secret, AUTH_SECRET_PREVIOUS: `${secret},short` })).toEqual([
      `AUTH_SECRET_PREVIOUS needs at least 32 characters each; ${makeOne}`,
    ])
  })
})

describe('SERVICE_KEYS', () => {
  test('SERVICE_KEYS may not hold the public example on a public address', () => {
    expect(
      refusals({ SERVICE_KEYS: `ops:operate:${example}`, PUBLIC_URL: 'https://chat.example.org' }),
    ).toEqual([`SERVICE_KEYS holds the public example; ${makeOne}`])
  })
})

describe('HS256', () => {
  const shared = 'shared with others: 32 characters or more'
  const makeOneForAll = `${makeOne}, ${everywhere}`

  test('HS256 accepts a shared secret of 32 characters', () => {
    const text = shared.slice(0, 32)
    const config = readConfig({ TOKEN_ALGORITHM: 'HS256', TOKEN_SHARED_SECRET: text })
    expect(config).toMatchObject({ tokenAlgorithm: 'HS256', tokenSharedSecret: text })
  })

  test.each([undefined, ''])('HS256 is refused with the shared secret %j', (text) => {
    expect(refusals({ TOKEN_ALGORITHM: 'HS256', TOKEN_SHARED_SECRET: text })).toEqual([
      `TOKEN_SHARED_SECRET is required with TOKEN_ALGORITHM=HS256 and needs at least 32 characters; ${makeOneForAll}`,
    ])
  })

  test('HS256 is refused with a short shared secret, such as the KEY of the older services', () => {
    expect(refusals({ TOKEN_ALGORITHM: 'HS256', TOKEN_SHARED_SECRET: shared.slice(0, 31) })).toEqual([
      `TOKEN_SHARED_SECRET needs at least 32 characters; ${makeOneForAll}`,
    ])
  })

  test.each([undefined, 'EdDSA', 'ES256', 'RS256'])(
    'a shared secret is refused with the algorithm %s',
    (algorithm) => {
      expect(refusals({ TOKEN_ALGORITHM: algorithm, TOKEN_SHARED_SECRET: shared })).toEqual([
        'TOKEN_SHARED_SECRET is only for TOKEN_ALGORITHM=HS256; leave it out',
      ])
    },
  )

  test('a misspelt algorithm is the only reported problem', () => {
    expect(refusals({ TOKEN_ALGORITHM: 'hs256', TOKEN_SHARED_SECRET: shared })).toEqual([
      'TOKEN_ALGORITHM must be one of EdDSA, ES256, RS256, HS256, not "hs256"',
    ])
  })

  test('HS256 may not use the public example on a public address', () => {
    const settings = {
      TOKEN_ALGORITHM: 'HS256',
      TOKEN_SHARED_SECRET: example,
      PUBLIC_URL: 'https://chat.example.org',
    }
    expect(refusals(settings)).toEqual([`TOKEN_SHARED_SECRET holds the public example; ${makeOne}`])
  })
})

describe('AUTH_SECRET, current or previous, is never shared with other services', () => {
  test.each(['AUTH_SECRET', 'AUTH_SECRET_PREVIOUS'])(
    'a value of %s is refused as a shared secret or key',
    (name) => {
      const line = `repeats AUTH_SECRET, which no other service may know; ${makeOne}`
      expect(refusals({ [name]: key, SERVICE_KEYS: `a:verify:a-second-${key},b:verify:${key}` })).toEqual([
        `SERVICE_KEYS ${line}`,
      ])
      expect(refusals({ [name]: key, TOKEN_ALGORITHM: 'HS256', TOKEN_SHARED_SECRET: key })).toEqual([
        `TOKEN_SHARED_SECRET ${line}`,
      ])
    },
  )
})

describe('TOKEN_SHARED_SECRET', () => {
  test(
    'TOKEN_SHARED_SECRET may not be a service key, or its holders could call this service',
    { tags: ['OPS-2'] },
    () => {
      const settings = { TOKEN_ALGORITHM: 'HS256', TOKEN_SHARED_SECRET: key }
      expect(refusals({ ...settings, SERVICE_KEYS: `a:verify:a-second-${key},b:verify:${key}` })).toEqual([
        `SERVICE_KEYS repeats TOKEN_SHARED_SECRET, which can make tokens for any user; ${makeOne}`,
      ])
      expect(readConfig({ ...settings, SERVICE_KEYS: `a:verify:a-second-${key}` }).tokenSharedSecret).toBe(
        key,
      )
    },
  )
})

describe('a secret with few different characters is refused and not shown', { tags: ['OPS-2'] }, () => {
  const weak = ['x'.repeat(40), 'changeme'.repeat(5), '0123456789'.slice(0, 9).repeat(4)]
  const line = `needs at least 10 different characters`

  test('a secret that repeats itself or follows the alphabet is refused', () => {
    const line = 'AUTH_SECRET follows the alphabet or the keyboard'
    expect(refusals({ AUTH_SECRET: 'abcdefghijklmnopqrstuvwxyz012345' })).toEqual([`${line}; ${makeOne}`])
    const words = 'correcthorsebatterystaple'.repeat(2)
    expect(refusals({ AUTH_SECRET: words })).toEqual([`AUTH_SECRET repeats itself; ${makeOne}`])
  })

  test.each(weak)('the weak secret %s is refused and not shown', (text) => {
    const few = (name: string) =>
      refusals({ AUTH_SECRET: secret, TOKEN_ALGORITHM: 'HS256', TOKEN_SHARED_SECRET: key, [name]: text })
    expect(few('AUTH_SECRET')).toEqual([`AUTH_SECRET ${line}; ${makeOne}`])
    expect(few('TOKEN_SHARED_SECRET')).toEqual([`TOKEN_SHARED_SECRET ${line}; ${makeOne}, ${everywhere}`])
    const name = 'AUTH_SECRET_PREVIOUS'
    expect(few(name)).toEqual([`${name} ${line} each; ${makeOne}`])
    expect(refusals({ [name]: `${key},${text}` })).toEqual([`${name} ${line} each; ${makeOne}`])
  })

  test('a secret with ten different characters is accepted', () => {
    const digits = '83017462595082649173160495827364'
    expect(readConfig({ AUTH_SECRET: digits }).authSecret).toBe(digits)
  })
})

describe('TRUSTED_PROXIES', () => {
  test.each([
    '127.0.0.1',
    '10.0.0.0/8',
    '10.1.2.3/32',
    '::1',
    '::ffff:10.0.0.1',
    '2001:db8::/32',
    'fd00::/16',
    '2001:db8::1/128',
    '64:ff9b::/96',
  ])('TRUSTED_PROXIES may hold %s', (entry) => {
    expect(readConfig({ TRUSTED_PROXIES: `192.0.2.1, ${entry}` }).trustedProxies).toEqual([
      '192.0.2.1',
      entry,
    ])
  })

  test.each([
    'proxy.example.org',
    'loopback',
    '*',
    '[::1]',
    '10.0.0.1:80',
    'fe80::1%eth0',
    '10.0.0.0/255.0.0.0',
    // Read leniently, these are 0.0.0.10, 8.0.0.1 and 1.2.0.3.
    '10',
    '010.0.0.1',
    '1.2.3',
    '10/8',
    '10.0.0.0/33',
    '2001:db8::/129',
    '10.0.0.0/',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    // Everybody, or much of everybody.
    '0.0.0.0/0',
    '::/0',
    '0.0.0.0/1',
    '128.0.0.0/1',
    '10.0.0.0/7',
    '2000::/3',
    'fd00::/8',
    '2001::/15',
    // Everybody with an IPv4 address, or some of them, in other words.
    '::ffff:0:0/96',
    '::ffff:0.0.0.0/97',
    '::ffff:10.0.0.0/104',
    '::ffff:10.0.0.1/128',
    '::/16',
    '::/64',
    '::/80',
    '0:0:0:0:0:fffe::/95',
    '::fffe:0:0/95',
  ])('TRUSTED_PROXIES may not hold %s', { tags: ['HTTP-1'] }, (entry) => {
    expect(refusals({ TRUSTED_PROXIES: `192.0.2.1, ${entry}` })).toEqual([
      'TRUSTED_PROXIES must hold addresses or CIDR ranges such as 10.0.0.0/8, separated by commas, not wider than /8 ' +
        `(IPv6: /16), and IPv4 not in its IPv6 form; not valid: ${entry}`,
    ])
  })
})

describe('CORS_ORIGINS', () => {
  test('CORS_ORIGINS may hold several origins', () => {
    const origins = ['https://chat.example.org', 'http://localhost:5173']
    expect(readConfig({ CORS_ORIGINS: origins.join(' , ') }).corsOrigins).toEqual(origins)
  })

  test.each([
    '*',
    'null',
    'chat.example.org',
    'https://chat.example.org/',
    'https://chat.example.org/app',
    'https://*.example.org',
    'https://chat.example.org:443',
    'HTTPS://chat.example.org',
    'app://chat',
    'file://',
  ])('CORS_ORIGINS may not hold %s', (entry) => {
    expect(refusals({ CORS_ORIGINS: `http://localhost:5173,${entry}` })).toEqual([
      `CORS_ORIGINS must hold origins such as https://chat.example.org, separated by commas; not valid: ${entry}`,
    ])
  })
})

describe('wrong settings', () => {
  test('all wrong settings are reported together, one line per setting', { tags: ['OPS-1'] }, () => {
    const environment = {
      PORT: 'eighty',
      AUTH_SECRET: 'a,b',
      ACCESS_TOKEN_TTL: '10',
      TRUSTED_PROXIES: 'one two, three',
      SERVICE_KEYS: 'short and with blanks',
      DATABASE_URL: 'nowhere',
    }
    expect(messageFor(environment)).toMatch(/^The settings need attention:\n/)
    const names = refusals(environment).map((line) => line.split(' ')[0])
    expect(names.toSorted()).toEqual(Object.keys(environment).toSorted())
  })

  test('the report of wrong settings never shows a secret', { tags: ['OPS-1'] }, () => {
    const message = messageFor({
      DATABASE_URL: 'mysql://chat:hush-database@db/chat',
      PUBLIC_URL: 'https://ann:hush-address@example.org',
      AUTH_SECRET: 'hush-auth',
      AUTH_SECRET_PREVIOUS: 'hush-previous',
      SERVICE_KEYS: 'hush-key',
      TOKEN_ALGORITHM: 'HS256',
      TOKEN_SHARED_SECRET: 'hush-shared',
    })
    expect(message.split('\n')).toHaveLength(7)
    expect(message).not.toContain('hush')
    const weak = 'hush'.repeat(10)
    const secrets = ['AUTH_SECRET', 'AUTH_SECRET_PREVIOUS', 'SERVICE_KEYS', 'TOKEN_SHARED_SECRET']
    const settings = Object.fromEntries(secrets.map((name) => [name, weak]))
    expect(messageFor({ ...settings, TOKEN_ALGORITHM: 'HS256' })).not.toContain('hush')
  })
})

test('the brand name is that of the product unless it is set', () => {
  expect(readConfig({}).brandName).toBe('chat-auth')
  expect(readConfig({ BRAND_NAME: 'Maple & Otter' }).brandName).toBe('Maple & Otter')
})

describe('RESERVED_USERNAMES', () => {
  test('a list of reserved usernames replaces the usual ones', () => {
    expect(readConfig({ RESERVED_USERNAMES: 'ceo_office, принц' }).reservedUsernames).toEqual([
      'ceo_office',
      'принц',
    ])
  })

  test('reserved usernames that no user could have are refused', () => {
    expect(refusals({ RESERVED_USERNAMES: 'ops, the boss, admin' })).toEqual([
      'RESERVED_USERNAMES must hold usernames of 4 to 32 characters, separated by commas; not valid: ops the boss',
    ])
  })
})
