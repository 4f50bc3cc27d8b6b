import type { Json } from './signing.ts'

const MISSING = 'authentication_required'
const MALFORMED = 'invalid_access_token'

/** As the service gives them; end-to-end/error-tables.test.ts compares. */
const TITLES: Readonly<Record<string, string>> = {
  authentication_required: 'Authentication required',
  invalid_access_token: 'Invalid access token',
  session_ended: 'Session ended',
  token_outdated: 'Token outdated',
  reauthentication_required: 'Reauthentication required',
  unavailable: 'Unavailable',
  ticket_gone: 'Ticket gone',
  origin_mismatch: 'Origin mismatch',
}

/** The values of the Authorization headers, and the token or the code of the problem. */
const HEADERS: readonly [readonly string[], Json][] = [
  [[], { code: MISSING }],
  [['Basic dXNlcjpwYXNz'], { code: MISSING }],
  [['Digest username="Bearer a.b.c"'], { code: MISSING }],
  [['Bearertoken'], { code: MISSING }],
  [['Bearer-2 a.b.c'], { code: MISSING }],
  [['DPoP'], { code: MISSING }],
  [['Bearer a.b-_c.~+/d=='], { token: 'a.b-_c.~+/d==' }],
  [['bearer a.b.c'], { token: 'a.b.c' }],
  [['BEARER    a.b.c'], { token: 'a.b.c' }],
  [[''], { code: MALFORMED }],
  [['Bearer'], { code: MALFORMED }],
  [['Bearer '], { code: MALFORMED }],
  [['Bearer\ta.b.c'], { code: MALFORMED }],
  [['Bearer a.b.c d.e.f'], { code: MALFORMED }],
  [['Bearer a.b.c, Bearer a.b.c'], { code: MALFORMED }],
  [['Bearer "a.b.c"'], { code: MALFORMED }],
  [['Bearer a=b'], { code: MALFORMED }],
  [['Bearer ä'], { code: MALFORMED }],
  [['Bearer a.b.c', 'Bearer a.b.c'], { code: MALFORMED }],
  [['Bearer a.b.c', 'Basic dXNlcjpwYXNz'], { code: MALFORMED }],
  [['Basic dXNlcjpwYXNz', 'Basic dXNlcjpwYXNz'], { code: MALFORMED }],
]

const INVALID = 'Bearer error="invalid_token"'
const REAUTHENTICATE = 'Bearer error="insufficient_user_authentication"'

const invalid = [
  'malformed_token',
  'unknown_key',
  'wrong_algorithm',
  'bad_signature',
  'wrong_type',
  'wrong_issuer',
  'wrong_audience',
  'expired',
  'not_yet_valid',
  'invalid_claims',
].map((refusal) => ({ refusal, status: 401, code: MALFORMED, www_authenticate: INVALID }))

const refusals = [
  ...invalid,
  { refusal: 'session_ended', status: 401, code: 'session_ended', www_authenticate: INVALID },
  {
    refusal: 'session_ended',
    reason: 'signed_out',
    status: 401,
    code: 'session_ended',
    www_authenticate: INVALID,
  },
  { refusal: 'token_outdated', status: 401, code: 'token_outdated', www_authenticate: INVALID },
  {
    refusal: 'reauthentication_required',
    status: 401,
    code: 'reauthentication_required',
    www_authenticate: REAUTHENTICATE,
  },
  {
    refusal: 'reauthentication_required',
    max_age: 600,
    status: 401,
    code: 'reauthentication_required',
    www_authenticate: `${REAUTHENTICATE}, max_age="600"`,
  },
  { refusal: 'stale', status: 503, code: 'unavailable', retry_after: '2' },
  { refusal: 'unavailable', status: 503, code: 'unavailable', retry_after: '2' },
  { refusal: 'ticket_gone', status: 410, code: 'ticket_gone' },
  { refusal: 'origin_mismatch', status: 403, code: 'origin_mismatch' },
]

const titleOf = ({ code }: { readonly code?: unknown }): Json =>
  typeof code === 'string' ? { title: TITLES[code] } : {}

export const httpVectors = (): Json => ({
  about: 'The Authorization headers of a request, and the response to each refusal.',
  headers: HEADERS.map(([authorization, expected]) => ({ authorization, ...expected, ...titleOf(expected) })),
  refusals: refusals.map((expected) => ({ ...expected, ...titleOf(expected) })),
})
