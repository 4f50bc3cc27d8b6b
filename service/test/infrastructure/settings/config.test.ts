import { describe, expect, test } from 'vitest'
import { readConfig } from '../../src/infrastructure/config.ts'
import { SettingsError, type Environment } from '../../src/infrastructure/settings-reader.ts'

const example = 'for-trying-on-localhost-only-never-deploy-this'
const secret = 'a secret of this test that is long enough'
const key = 'a-service-key-of-this-test-that-is-long'
const makeOne = 'make one with: openssl rand -base64 32'

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
  test('the service runs embedded, on localhost, with the documented defaults', () => {
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
      refreshReuseWindowSeconds: 30,
      lostAnswer: 'receipts',
      maximumSessionsPerUser: 50,
      passwordMinimumLength: 8,
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

  test('empty settings and blanks count as unset', () => {
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
  ])('may be %j', (text, seconds) => {
    expect(readConfig({ ACCESS_TOKEN_TTL: text }).accessTokenTtlSeconds).toBe(seconds)
  })

  test.each(['0', '0s', '0d'])('may be %j where zero makes sense', (text) => {
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
  ])('may not be %j for an access token', (text) => {
    expect(refusals({ ACCESS_TOKEN_TTL: text })).toEqual([
      `ACCESS_TOKEN_TTL is a duration such as 30s, 10m, 12h or 30d, from 10s to 1d, not "${text}"`,
    ])
  })

  test.each([
    ['SESSION_IDLE_TTL', '59s', 'from 1m to 3650d'],
    ['SESSION_TTL', '3651d', 'from 1m to 3650d'],
    ['REFRESH_REUSE_WINDOW', '11m', 'from 0 to 10m'],
  ])('outside its range is refused with the range (%s)', (name, text, range) => {
    expect(refusals({ [name]: text })).toEqual([
      `${name} is a duration such as 30s, 10m, 12h or 30d, ${range}, not "${text}"`,
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
  ])('%s=%s is refused with the range', (name, text, lowest, highest) => {
    expect(refusals({ [name]: text })).toEqual([
      `${name} is a whole number from ${lowest} to ${highest}, not "${text}"`,
    ])
  })

  test('may be at either end of its range', () => {
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
  ])('%s=%s is refused with what there is', (name, text, choices) => {
    expect(refusals({ [name]: text })).toEqual([`${name} is one of ${choices}, not "${text}"`])
  })
})

describe('TOKEN_AUDIENCE', () => {
  test.each([
    [undefined, 'chat'],
    ['', undefined],
    [' ', undefined],
    ['https://api.example.org', 'https://api.example.org'],
  ])('%j means the audience %j', (text, audience) => {
    expect(readConfig({ TOKEN_AUDIENCE: text }).tokenAudience).toBe(audience)
  })
})

describe('PUBLIC_URL', () => {
  test.each([
    ['https://chat.example.org/', 'https://chat.example.org'],
    ['https://example.org/auth//', 'https://example.org/auth'],
    ['HTTPS://Chat.Example.org:443', 'https://chat.example.org'],
    ['http://[::1]:8000', 'http://[::1]:8000'],
  ])('%s is used as %s, and is the issuer too', (text, publicUrl) => {
    expect(readConfig({ PUBLIC_URL: text })).toMatchObject({ publicUrl, tokenIssuer: publicUrl })
  })

  test('is not the issuer where that is named', () => {
    const config = readConfig({
      PUBLIC_URL: 'https://chat.example.org',
      TOKEN_ISSUER: 'https://id.example.org/',
    })
    expect(config.tokenIssuer).toBe('https://id.example.org/')
  })

  test.each(['chat.example.org', 'localhost:8000', 'ftp://chat.example.org', 'https://', '/auth'])(
    'may not be %s',
    (text) => {
      expect(refusals({ PUBLIC_URL: text })).toEqual([
        'PUBLIC_URL is not a valid address; it starts with http:// or https:// and names a host',
      ])
    },
  )

  test.each(['https://ann:pw@example.org', 'https://example.org/?a=b', 'https://example.org/#top'])(
    'is an address alone, not %s',
    (text) => {
      expect(refusals({ PUBLIC_URL: text })).toEqual([
        'PUBLIC_URL is an address alone, such as https://chat.example.org: no name, password, ? or #',
      ])
    },
  )
})

describe('DATABASE_URL', () => {
  test.each(['postgres://a:b@db.example.org:5432/chat', 'postgresql://db/chat?sslmode=require'])(
    'may be %s',
    (url) => {
      expect(readConfig({ DATABASE_URL: url, AUTH_SECRET: secret }).databaseUrl).toBe(url)
    },
  )

  test.each(['mysql://db/chat', 'db.example.org/chat', 'postgres:///chat', 'postgres://a:p#q@db/chat'])(
    'may not be %s',
    (url) => {
      expect(refusals({ DATABASE_URL: url, AUTH_SECRET: secret })).toEqual([
        'DATABASE_URL is not a valid address; it starts with postgres:// or postgresql:// and names a host',
      ])
    },
  )

  test.each(['postgres://db/chat', 'garbage'])('asks for AUTH_SECRET, right (%s) or wrong', (url) => {
    expect(refusals({ DATABASE_URL: url })).toContain(`AUTH_SECRET is required with DATABASE_URL; ${makeOne}`)
  })
})

describe('AUTH_SECRET', () => {
  test.each([31, 1])('has more than %i characters', (length) => {
    expect(refusals({ AUTH_SECRET: secret.slice(0, length) })).toEqual([
      `AUTH_SECRET needs at least 32 characters; ${makeOne}`,
    ])
  })

  test('may have 32 characters', () => {
    expect(readConfig({ AUTH_SECRET: secret.slice(0, 32) }).authSecret).toBe(secret.slice(0, 32))
  })

  test.each([`${secret},${secret}`, ',', `${secret},`])('is one secret: %j is not', (text) => {
    expect(refusals({ AUTH_SECRET: text })).toEqual([
      'AUTH_SECRET is one secret without commas; older ones go to AUTH_SECRET_PREVIOUS',
    ])
  })

  test.each(['http://localhost:8000', 'http://127.0.0.1', 'http://[::1]:8000'])(
    'may be the example on %s',
    (url) => {
      expect(readConfig({ AUTH_SECRET: example, PUBLIC_URL: url }).authSecret).toBe(example)
    },
  )

  test.each([
    'https://chat.example.org',
    'http://192.168.1.5:8000',
    'http://localhost.example.org',
    'http://[::2]',
  ])('may not be the example on %s', (url) => {
    expect(refusals({ AUTH_SECRET: example, PUBLIC_URL: url })).toEqual([
      `AUTH_SECRET holds the public example; ${makeOne}`,
    ])
  })
})

describe('AUTH_SECRET_PREVIOUS', () => {
  test('holds several, with or without blanks', () => {
    const [first, second] = [`${secret} once`, `${secret} before that`]
    const config = readConfig({ AUTH_SECRET: secret, AUTH_SECRET_PREVIOUS: `${first} , ${second},` })
    expect(config.previousAuthSecrets).toEqual([first, second])
  })

  test('may not keep the example valid on a public address', () => {
    const environment = {
      AUTH_SECRET: secret,
      AUTH_SECRET_PREVIOUS: example,
      PUBLIC_URL: 'https://chat.example.org',
    }
    expect(refusals(environment)).toEqual(['AUTH_SECRET_PREVIOUS holds the public example; leave it out'])
  })

  test('has no short one among them', () => {
    expect(refusals({ AUTH_SECRET: secret, AUTH_SECRET_PREVIOUS: `${secret},short` })).toEqual([
      `AUTH_SECRET_PREVIOUS needs at least 32 characters each; ${makeOne}`,
    ])
  })
})

describe('SERVICE_KEYS', () => {
  test('holds several', () => {
    const other = `${'+/Zk8-_.~'.repeat(3)}chat42==`
    expect(readConfig({ SERVICE_KEYS: `${key},${other}` }).serviceKeys).toEqual([key, other])
  })

  test('has no short one among them', () => {
    expect(refusals({ SERVICE_KEYS: `${key},short` })).toEqual([
      `SERVICE_KEYS needs at least 32 characters each; ${makeOne}`,
    ])
  })

  test.each(['a key with blanks that is long enough', `=${key}`, `${key}é`])(
    'has none that no Authorization header can carry: %s',
    (text) => {
      expect(refusals({ SERVICE_KEYS: text })).toEqual([
        `SERVICE_KEYS may hold letters, digits and - . _ ~ + / alone, and = at the end; ${makeOne}`,
      ])
    },
  )

  test('may not be the example on a public address', () => {
    expect(refusals({ SERVICE_KEYS: example, PUBLIC_URL: 'https://chat.example.org' })).toEqual([
      `SERVICE_KEYS holds the public example; ${makeOne}`,
    ])
  })
})

describe('HS256', () => {
  const shared = 'shared with others: 32 characters or more'

  test('takes a shared secret of at least 32 characters', () => {
    const text = shared.slice(0, 32)
    const config = readConfig({ TOKEN_ALGORITHM: 'HS256', TOKEN_SHARED_SECRET: text })
    expect(config).toMatchObject({ tokenAlgorithm: 'HS256', tokenSharedSecret: text })
  })

  test.each([undefined, ''])('is refused with the secret %j', (text) => {
    expect(refusals({ TOKEN_ALGORITHM: 'HS256', TOKEN_SHARED_SECRET: text })).toEqual([
      `TOKEN_SHARED_SECRET is required with TOKEN_ALGORITHM=HS256 and needs at least 32 characters; ${makeOne}`,
    ])
  })

  test('is refused with a short secret', () => {
    expect(refusals({ TOKEN_ALGORITHM: 'HS256', TOKEN_SHARED_SECRET: shared.slice(0, 31) })).toEqual([
      `TOKEN_SHARED_SECRET needs at least 32 characters; ${makeOne}`,
    ])
  })

  test.each([undefined, 'EdDSA', 'ES256', 'RS256'])(
    'is the only one with a shared secret: %s has none',
    (algorithm) => {
      expect(refusals({ TOKEN_ALGORITHM: algorithm, TOKEN_SHARED_SECRET: shared })).toEqual([
        'TOKEN_SHARED_SECRET is only for TOKEN_ALGORITHM=HS256; leave it out',
      ])
    },
  )

  test('misspelt is the one thing to mend', () => {
    expect(refusals({ TOKEN_ALGORITHM: 'hs256', TOKEN_SHARED_SECRET: shared })).toEqual([
      'TOKEN_ALGORITHM is one of EdDSA, ES256, RS256, HS256, not "hs256"',
    ])
  })

  test('may not share the example on a public address', () => {
    const settings = {
      TOKEN_ALGORITHM: 'HS256',
      TOKEN_SHARED_SECRET: example,
      PUBLIC_URL: 'https://chat.example.org',
    }
    expect(refusals(settings)).toEqual([`TOKEN_SHARED_SECRET holds the public example; ${makeOne}`])
  })
})

describe('AUTH_SECRET, present or previous, is never what other services are given', () => {
  test.each(['AUTH_SECRET', 'AUTH_SECRET_PREVIOUS'])('%s', (name) => {
    const line = `repeats AUTH_SECRET, which no other service may know; ${makeOne}`
    expect(refusals({ [name]: key, SERVICE_KEYS: `a-second-${key},${key}` })).toEqual([
      `SERVICE_KEYS ${line}`,
    ])
    expect(refusals({ [name]: key, TOKEN_ALGORITHM: 'HS256', TOKEN_SHARED_SECRET: key })).toEqual([
      `TOKEN_SHARED_SECRET ${line}`,
    ])
  })
})

describe('TOKEN_SHARED_SECRET', () => {
  test('is never a service key: whoever checks tokens with it would be let in', () => {
    const settings = { TOKEN_ALGORITHM: 'HS256', TOKEN_SHARED_SECRET: key }
    expect(refusals({ ...settings, SERVICE_KEYS: `a-second-${key},${key}` })).toEqual([
      `SERVICE_KEYS repeats TOKEN_SHARED_SECRET, which makes tokens for anybody; ${makeOne}`,
    ])
    expect(readConfig({ ...settings, SERVICE_KEYS: `a-second-${key}` }).tokenSharedSecret).toBe(key)
  })
})

describe('a secret of hardly any variety is refused and not shown', () => {
  const weak = ['x'.repeat(40), 'changeme'.repeat(5), '0123456789'.slice(0, 9).repeat(4)]
  const line = `needs at least 10 different characters`

  test.each(weak)('%s', (text) => {
    const few = (name: string) =>
      refusals({ AUTH_SECRET: secret, TOKEN_ALGORITHM: 'HS256', TOKEN_SHARED_SECRET: key, [name]: text })
    expect(few('AUTH_SECRET')).toEqual([`AUTH_SECRET ${line}; ${makeOne}`])
    expect(few('TOKEN_SHARED_SECRET')).toEqual([`TOKEN_SHARED_SECRET ${line}; ${makeOne}`])
    for (const name of ['AUTH_SECRET_PREVIOUS', 'SERVICE_KEYS']) {
      expect(few(name)).toEqual([`${name} ${line} each; ${makeOne}`])
      expect(refusals({ [name]: `${key},${text}` })).toEqual([`${name} ${line} each; ${makeOne}`])
    }
  })

  test('with ten different characters it is taken', () => {
    expect(readConfig({ AUTH_SECRET: '0123456789'.repeat(4) }).authSecret).toBe('0123456789'.repeat(4))
  })
})

describe('TRUSTED_PROXIES', () => {
  test.each([
    ...['127.0.0.1', '10.0.0.0/8', '10.1.2.3/32', '::1', '::ffff:10.0.0.1'],
    ...['2001:db8::/32', 'fd00::/16', '2001:db8::1/128', '64:ff9b::/96'],
  ])('may hold %s', (entry) => {
    expect(readConfig({ TRUSTED_PROXIES: `192.0.2.1, ${entry}` }).trustedProxies).toEqual([
      '192.0.2.1',
      entry,
    ])
  })

  test.each([
    ...['proxy.example.org', 'loopback', '*', '[::1]', '10.0.0.1:80', 'fe80::1%eth0', '10.0.0.0/255.0.0.0'],
    // Read leniently, these are 0.0.0.10, 8.0.0.1 and 1.2.0.3.
    ...['10', '010.0.0.1', '1.2.3', '10/8'],
    ...['10.0.0.0/33', '2001:db8::/129', '10.0.0.0/', '10.0.0.0/-1', '10.0.0.0/8/8'],
    // Everybody, or much of everybody.
    ...['0.0.0.0/0', '::/0', '0.0.0.0/1', '128.0.0.0/1', '10.0.0.0/7', '2000::/3', 'fd00::/8', '2001::/15'],
    // Everybody with an IPv4 address, or some of them, in other words.
    ...['::ffff:0:0/96', '::ffff:0.0.0.0/97', '::ffff:10.0.0.0/104', '::ffff:10.0.0.1/128'],
    ...['::/16', '::/64', '::/80', '0:0:0:0:0:fffe::/95', '::fffe:0:0/95'],
  ])('may not hold %s', (entry) => {
    expect(refusals({ TRUSTED_PROXIES: `192.0.2.1, ${entry}` })).toEqual([
      'TRUSTED_PROXIES holds addresses or CIDR ranges such as 10.0.0.0/8, separated by commas; no IPv4 range is wider ' +
        `than /8, no IPv6 range wider than /16 or one of IPv4 addresses in IPv6 form; this is none: ${entry}`,
    ])
  })
})

describe('CORS_ORIGINS', () => {
  test('holds origins', () => {
    const origins = ['https://chat.example.org', 'http://localhost:5173']
    expect(readConfig({ CORS_ORIGINS: origins.join(' , ') }).corsOrigins).toEqual(origins)
  })

  test.each([
    ...['*', 'null', 'chat.example.org', 'https://chat.example.org/', 'https://chat.example.org/app'],
    ...[
      'https://*.example.org',
      'https://chat.example.org:443',
      'HTTPS://chat.example.org',
      'app://chat',
      'file://',
    ],
  ])('may not hold %s', (entry) => {
    expect(refusals({ CORS_ORIGINS: `http://localhost:5173,${entry}` })).toEqual([
      `CORS_ORIGINS holds origins such as https://chat.example.org, separated by commas; this is none: ${entry}`,
    ])
  })
})

describe('what is wrong', () => {
  test('is said all at once, one line per setting', () => {
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

  test('never shows a secret', () => {
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
