// The bodies, headers and paths of the tests of hostile input.

import { newUser, type TestUser, type Tokens } from './test-client.ts'

export interface JsonRoute {
  readonly method: 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly fields: readonly string[]
  /** The fields that are lists or numbers. All others are text. */
  readonly lists?: readonly string[]
  readonly numbers?: readonly string[]
  readonly isInternal?: boolean
  readonly takesForms?: boolean
  readonly isBodyOptional?: boolean
  /** The limit of the body, 16 KiB by default. */
  readonly kibibytes?: number
}

const ofOperators = [
  { method: 'POST', path: '/users/999999999/disable', fields: ['reason', 'public_reason', 'until'] },
  { method: 'POST', path: '/users/999999999/enable', fields: ['note'], isBodyOptional: true },
  { method: 'PUT', path: '/users/999999999/roles', fields: ['roles'], lists: ['roles'] },
] as const

/** Every route that accepts JSON. A test compares the list with the OpenAPI document. */
export const jsonRoutes: readonly JsonRoute[] = [
  {
    method: 'POST',
    path: '/v1/users',
    fields: ['username', 'email', 'password', 'invitation', 'proof_of_work'],
  },
  {
    method: 'POST',
    path: '/v1/sessions',
    fields: ['username', 'password', 'device_id', 'device_name', 'proof_of_work'],
  },
  { method: 'POST', path: '/v1/sessions/refresh', fields: ['refresh_token'] },
  { method: 'POST', path: '/v1/password-resets', fields: ['email', 'proof_of_work'] },
  { method: 'POST', path: '/v1/password-resets/complete', fields: ['token', 'new_password'] },
  { method: 'POST', path: '/v1/email-verifications/complete', fields: ['token'] },
  { method: 'POST', path: '/v1/email-changes/undo', fields: ['token'] },
  { method: 'POST', path: '/v1/sessions/end-by-link', fields: ['token'] },
  {
    method: 'POST',
    path: '/v1/sessions/current/reauthenticate',
    fields: ['current_password', 'code', 'recovery_code'],
  },
  {
    method: 'POST',
    path: '/v1/sessions/challenges/complete',
    fields: ['challenge', 'code', 'recovery_code'],
  },
  { method: 'POST', path: '/v1/users/me/factors/totp/confirm', fields: ['code'] },
  { method: 'PATCH', path: '/v1/users/me', fields: ['username', 'email', 'current_password'] },
  { method: 'PUT', path: '/v1/users/me/password', fields: ['current_password', 'new_password'] },
  { method: 'DELETE', path: '/v1/users/me', fields: ['current_password'] },
  { method: 'POST', path: '/users', fields: ['username', 'email', 'password'] },
  { method: 'POST', path: '/sessions', fields: ['username', 'password'] },
  { method: 'POST', path: '/sessions/refresh', fields: ['refresh_token'] },
  { method: 'PATCH', path: '/users/update', fields: ['username', 'email', 'current_password'] },
  ...(
    [
      {
        method: 'POST',
        path: '/users/get-users-info',
        fields: ['user_ids'],
        lists: ['user_ids'],
        kibibytes: 32,
      },
      { method: 'POST', path: '/v1/introspect', fields: ['token', 'token_type_hint'], takesForms: true },
      {
        method: 'POST',
        path: '/v1/invitations',
        fields: ['uses', 'expires_at', 'note'],
        numbers: ['uses'],
      },
      { method: 'POST', path: '/v1/outbox/replay', fields: ['consumer'] },
      { method: 'POST', path: '/v1/outbox/tell-messaging', fields: ['cursor'] },
      { method: 'POST', path: '/v1/receipts', fields: ['items'], lists: ['items'], kibibytes: 256 },
      { method: 'POST', path: '/v1/tickets/redeem', fields: ['ticket', 'origin'] },
      { method: 'POST', path: '/v1/users/lookup', fields: ['ids'], lists: ['ids'], kibibytes: 32 },
    ] as const
  ).map((route) => ({ ...route, isInternal: true })),
  ...ofOperators.map((route) => ({ ...route, path: `/v1${route.path}`, isInternal: true })),
  ...ofOperators.map((route) => ({ ...route, path: `/v1/admin${route.path}` })),
]

export const wrongTypes = (
  [
    null,
    true,
    0,
    -1.5,
    1e308,
    [],
    ['x'],
    [[]],
    {},
    { length: 5 },
    { toString: 'x' },
    { $ne: '' },
  ] as unknown[]
).map((value) => ({ value }))
export const oddTexts = [
  '',
  ' ',
  '\u0000',
  'a\u0000b@example.org',
  '\ud800',
  '\udfff\ud800',
  '\uffff\ufffe',
  '\u202e',
  '\u200b'.repeat(50),
  "' or 1=1 --",
  '$1',
  '%s%n',
  '${7*7}',
  '{{7*7}}',
  '../../etc/passwd',
  '<script>',
  '\r\nX-Injected: 1',
  '\\u0000',
  'İ'.repeat(200),
  'ﷺ'.repeat(200),
  'e' + '\u0301'.repeat(500),
  '🏳️‍🌈'.repeat(50),
  '@'.repeat(400),
  `${'a.'.repeat(120)}@x.org`,
  'x'.repeat(1000),
  'x'.repeat(5000),
  '9'.repeat(500),
  'NaN',
  'null',
  '__proto__',
  'constructor',
]

export const unreadableBodies = [
  '',
  ' ',
  '{',
  '}',
  '{"a":}',
  "{'a':1}",
  '{"a":1,}',
  '{a:1}',
  'undefined',
  'NaN',
  '{"a":01}',
  '\u0000',
  '{}{}',
  '{} x',
  '{"username":"\\x"}',
  '{"username":"\\ud8"}',
  '{"a":"\n"}',
  'a=b',
  '<xml/>',
  '['.repeat(8000),
]

/** A body with the right types, which is not too far from being accepted. */
export function plausibleBody(route: JsonRoute): Record<string, unknown> {
  const { username, email, password } = newUser()
  const all = {
    username,
    email,
    password,
    device_id: 'd',
    device_name: 'n',
    refresh_token: 'r',
    challenge: 'c',
    code: '000000',
    reason: 'Spam',
    public_reason: 'You sent advertisements.',
    until: '2030-01-31T12:00:00Z',
    note: 'Appeal accepted',
  }
  const more = {
    token: 'x',
    ticket: 'x',
    origin: 'x',
    consumer: 'x',
    uses: 1,
    expires_at: '2030-01-31T12:00:00Z',
    items: [],
    ids: [1],
    user_ids: [1],
    roles: [],
  }
  const body = { ...all, ...more, current_password: 'wrong', new_password: password }
  return Object.fromEntries(Object.entries(body).filter(([name]) => route.fields.includes(name)))
}

/** Authorization headers that are not a valid bearer token. */
export function wrongAuthorizations(person: TestUser, tokens: Tokens): string[] {
  const unsigned = (header: object): string => {
    const claims = tokens.access_token.split('.')[1] ?? ''
    return `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${claims}.`
  }

  const { access_token: token } = tokens
  return [
    '',
    ' ',
    'Bearer',
    'Bearer ',
    'Bearer  ',
    'Bearer null',
    'Bearer undefined',
    'Bearer {}',
    'Bearer "',
    'Bearer .',
    'Bearer ..',
    'Bearer ...',
    token,
    `Token ${token}`,
    `Basic ${Buffer.from(`${person.username}:${person.password}`).toString('base64')}`,
    `Bearer${token}`,
    `Bearer\t${token}`,
    `Bearer ${token},${token}`,
    `Bearer ${token} ${token}`,
    `Bearer ${token}, Bearer ${token}`,
    `Bearer ${token}=`,
    `Bearer ${token}.`,
    `Bearer .${token}`,
    `Bearer ${token.slice(0, -1)}`,
    `Bearer ${token.toLowerCase()}`,
    `Bearer ${token.split('.').slice(0, 2).join('.')}`,
    `Bearer ${token.split('.').slice(0, 2).join('.')}.`,
    `Bearer ${'a'.repeat(5000)}`,
    `Bearer ${'a.'.repeat(2000)}a`,
    'Bearer \u00ff\u00fe',
    `Digest username="${person.username}"`,
    `Bearer ${unsigned({ alg: 'none' })}`,
    `Bearer ${unsigned({ alg: 'NoNe', typ: 'at+jwt' })}`,
    `Bearer ${unsigned({ alg: 'HS256', typ: 'at+jwt' })}`,
    `Bearer ${tokens.refresh_token}`,
  ]
}

export const malformedPaths = [
  '/v1/users/%',
  '/v1/users/%zz',
  '/v1/users/%c3%28',
  '/%',
  '/v1/%ff/me',
  '/docs/static/%',
  '/errors/%e0%a4%a',
]

export const unservedPaths = [
  '/v1',
  '/v1/',
  '/v1/users/me/',
  '//v1/users/me',
  '/v1//users/me',
  '/V1/users/me',
  '/v1/users/me/..',
  '/v1/../v1/users/me',
  '/v1/users%2fme',
  '/v1%2fusers/me',
  '/v1/users/me%00/x',
  '/.env',
  '/.git/config',
  '/v2/users/me',
  '/v1/users/me;x=1',
  '/metrics',
  '/v1/media/avatars/../../../package.json',
  '/v1/media/avatars/%2e%2e%2fpackage.json',
  '/media/avatars/../../package.json',
  '/media/avatars/%2e%2e%2fpackage.json',
  '/docs/static/../../package.json',
  '/docs/static/%2e%2e%2f%2e%2e%2fpackage.json',
  '*',
  '/constructor',
  '/__proto__',
]

export const unknownQueries = [
  '?',
  '??',
  '?a=1&a=2',
  '?__proto__[x]=1',
  '?%00=%00',
  '?%zz',
  `?${'x'.repeat(5000)}`,
  '?id=1&user_id=1',
  '#x',
]

const post = 'POST /v1/sessions HTTP/1.1\r\nHost: x\r\n'

export const brokenHttp: readonly (readonly [title: string, bytes: string | Buffer])[] = [
  ['plain text', 'hello\r\n\r\n'],
  ['an unknown method', 'BREW /pot HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['a lowercase method', 'get / HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['a request line without a path', 'GET HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['HTTP/2 without TLS', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['HTTP/3.0', 'GET / HTTP/3.0\r\nHost: x\r\n\r\n'],
  ['another protocol', 'GET / SPDY/3\r\nHost: x\r\n\r\n'],
  ['a TLS hello', Buffer.from('16030100a5010000a10303', 'hex')],
  ['a header without a name', 'GET / HTTP/1.1\r\n: x\r\n\r\n'],
  ['a header with a space in its name', 'GET / HTTP/1.1\r\nHost : x\r\n\r\n'],
  ['a NUL in a header', 'GET / HTTP/1.1\r\nHost: x\r\nX: a\u0000b\r\n\r\n'],
  ['a line break in the path', 'GET /a\nb HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['a negative length', `${post}Content-Length: -1\r\n\r\n`],
  ['a length in words', `${post}Content-Length: ten\r\n\r\n`],
  ['two lengths', `${post}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`],
  ['both framings', `${post}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ['an unknown framing', `${post}Transfer-Encoding: chunked, gzip\r\n\r\n`],
  [
    'a chunk without a size',
    `${post}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`,
  ],
]
