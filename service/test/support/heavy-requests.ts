// Requests that look for work which grows faster than they do. Each fits the limits of its route, or goes just beyond.
import { randomInt } from 'node:crypto'
import { request } from './raw-exchange.ts'
import { newUser } from './test-client.ts'

export interface HeavyRequest {
  readonly title: string
  readonly isInternal?: boolean
  /** The bytes of one attempt. Names, addresses and networks are new in each, so that no attempt is refused as one too many. */
  readonly bytes: () => Buffer | Promise<Buffer>
}

export interface Credentials {
  readonly accessToken: string
  readonly serviceKey: string
  /** The access token of a user who may still upload. */
  readonly uploader: () => Promise<string>
}

const KIB = 1024
/** The limits of all headers together and of most bodies, with room for the rest. */
const HEADER = 15 * KIB
const BODY = 15.5 * KIB

const fill = (text: string, length = HEADER): string =>
  text.repeat(Math.floor(length / Buffer.byteLength(text)))
const numbered = (length: number, item: (index: number) => string, separator = ','): string => {
  const items: string[] = []
  for (let size = 0; size < length; size += (items.at(-1) ?? '').length + separator.length)
    items.push(item(items.length))
  return items.slice(0, -1).join(separator)
}
const someAddress = (): string => `198.18.${randomInt(256)}.${randomInt(256)}`

const jsonTo = (
  line: string,
  body: string,
  token: string | undefined,
  headers: readonly string[] = [],
): Buffer =>
  request(
    line,
    [
      ...headers,
      ...(token === undefined ? [] : [`Authorization: Bearer ${token}`]),
      ...(headers.join().includes('X-Forwarded-For') ? [] : [`X-Forwarded-For: ${someAddress()}`]),
      'Content-Type: application/json',
      `Content-Length: ${Buffer.byteLength(body)}`,
    ],
    body,
  )

export const heavyRequests = (credentials: Credentials): HeavyRequest[] => [
  ...heavyHeaders(credentials),
  ...heavyPaths(credentials),
  ...heavyJson(credentials),
  ...heavyTexts(credentials),
  ...heavyForms(credentials),
  ...documents(credentials),
]

function heavyHeaders({ accessToken }: Credentials): HeavyRequest[] {
  const own = `Authorization: Bearer ${accessToken}`
  const headers: Record<string, string> = {
    'thousands of forwarded addresses': `X-Forwarded-For: ${fill('1.1.1.1,')}1.1.1.1`,
    'thousands of trusted forwarded addresses': `X-Forwarded-For: ${fill('127.0.0.1,')}127.0.0.1`,
    'thousands of commas': `X-Forwarded-For: ${fill(',')}`,
    'thousands of forwarded IPv6 addresses': `X-Forwarded-For: ${fill('::ffff:1.1.1.1, ')}::1`,
    'a forwarded address of colons': `X-Forwarded-For: ${fill(':')}`,
    'a forwarded address of digits': `X-Forwarded-For: ${fill('1')}`,
    'a forwarded address of zeros and dots': `X-Forwarded-For: ${fill('0.')}`,
    'a long token': `Authorization: Bearer ${fill('a')}`,
    'a token of dots': `Authorization: Bearer ${fill('.')}`,
    'a token of equals signs': `Authorization: Bearer a${fill('=')}!`,
    'a scheme and spaces': `Authorization: Bearer${fill(' ')}x y`,
    'a token and spaces': `Authorization: Bearer a${fill(' ')}!`,
    'many cookies': `Cookie: ${fill('a=b; ')}`,
    'many accepted types': `Accept: ${fill('a/b;q=0.1,')}*/*`,
    'many accepted languages': `Accept-Language: ${fill('en-gb-x;q=0.1,')}`,
    'many tags': `If-None-Match: ${fill('W/"a",')}`,
    'a date of digits': `If-Modified-Since: ${fill('1')}`,
    'many ranges': `Range: bytes=${fill('0-1,')}`,
    'a long request id': `X-Request-Id: ${fill('a')}`,
    'a long origin': `Origin: http://${fill('a.')}org`,
    'a long host': `X-Forwarded-Host: ${fill('a.')}org`,
    'many trace states': `Traceparent: 00-${'1'.repeat(32)}-${'1'.repeat(16)}-01\r\nTracestate: ${fill('a=b,')}`,
    'much baggage': `Baggage: ${fill('a=b;c=d,')}`,
    'as many headers as Node takes': numbered(HEADER - 4_000, (index) => `a${index}:b`, '\r\n'),
    'the same header again and again': fill('A: b\r\n', 10 * KIB).slice(0, -2),
    'an upgrade': 'Connection: Upgrade\r\nUpgrade: websocket',
    'many options of a connection': `Connection: ${fill('a,')}close`,
  }
  const agents = [
    '(',
    'Mozilla/5.0 (',
    'iPhone; CPU OS 1_',
    'Android 1.',
    'Version/1.1.',
    'Chrome/1 ',
    'Windows NT 1',
    ' ;',
    'SamsungBrowser/',
    'googlebot/',
    'like mac os x ',
    '; wv) ',
    '\u00e9',
    '\t',
    '0',
  ]
  return [
    ...Object.entries(headers).map(([title, header]) => ({
      title: `a request with ${title}`,
      bytes: () =>
        request('GET /v1/users/me', [header, ...(header.startsWith('Authorization') ? [] : [own])]),
    })),
    ...agents.map((agent) => ({
      title: `a sign-in from the user agent ${JSON.stringify(agent)} again and again`,
      bytes: () =>
        jsonTo('POST /v1/sessions', '{"username":"nobody","password":"x"}', undefined, [
          `User-Agent: ${fill(agent)}`,
        ]),
    })),
    ...['gzip ,', 'gzip;q=0,', 'gzip; q=0.0 ,', 'br;q=1, ', ' '].map((encoding) => ({
      title: `a document with the encoding ${JSON.stringify(encoding)} again and again`,
      bytes: () => request('GET /openapi.json', [`Accept-Encoding: x${fill(encoding)}`]),
    })),
    {
      title: 'a file with as many ranges as fit',
      bytes: () =>
        request('GET /docs/static/swagger-ui.js', [
          `Range: bytes=${numbered(HEADER, (index) => `${index * 3}-${index * 3}`)}`,
        ]),
    },
    {
      title: 'a file with many tags',
      bytes: () => request('GET /docs/static/logo.svg', [`If-None-Match: ${fill('W/"a",')}`]),
    },
    {
      title: 'a CORS preflight with many headers',
      bytes: () =>
        request('OPTIONS /v1/users/me', [
          `Access-Control-Request-Headers: ${fill('a,')}`,
          'Origin: http://x',
          'Access-Control-Request-Method: GET',
        ]),
    },
  ]
}

function heavyPaths({ accessToken }: Credentials): HeavyRequest[] {
  const paths: Record<string, string> = {
    'a user id of digits': `/v1/users/${fill('1')}`,
    'a session id of hyphens': `/v1/sessions/${fill('-')}`,
    'a percent-encoded path': `/v1/users/${fill('%61')}`,
    'a path of encoded percents': `/v1/users/${fill('%25')}`,
    'a path of slashes': fill('/'),
    'a path of dots': fill('/..'),
    'a path of semicolons': `/v1/users/me${fill(';a=b')}`,
    'thousands of parameters': `/v1/users/me?${numbered(HEADER, (index) => `a${index}=`, '&')}`,
    'the same parameter again and again': `/v1/users?${fill('username=a&')}`,
    'parameters of percents': `/v1/users?username=${fill('%25')}`,
    'a parameter of plus signs': `/v1/users?username=${fill('+')}`,
    'a long cursor': `/v1/users?username=ann&cursor=${fill('A')}`,
    'a cursor of an array': `/v1/users?username=ann&cursor=${Buffer.from(fill('[', 11 * KIB)).toString('base64url')}`,
    'a huge limit': `/v1/users?username=ann&limit=${fill('9')}`,
    'a limit with an exponent': '/v1/users?username=ann&limit=1e308',
    'a search for marks': `/v1/users?username=${encodeURIComponent('\u0301\u0327'.repeat(128))}`,
    'a search for wildcards': `/v1/users?username=${encodeURIComponent('%_'.repeat(128))}`,
    'a search for backslashes': `/v1/users?username=${encodeURIComponent('\\'.repeat(256))}`,
    'a search for one letter': '/v1/users?username=p&limit=100',
    'a picture with a long name': `/v1/media/avatars/${fill('a')}`,
    'an earlier picture with a long name': `/v1/media/avatars/letters-${fill('0041')}-5-512.png`,
    'an error code that is long': `/errors/${fill('a')}`,
    'a file of the page with a long name': `/docs/static/${fill('a')}`,
    'a file of the page in many folders': `/docs/static/${fill('a/../')}swagger-ui.css`,
  }
  return Object.entries(paths).map(([title, path]) => ({
    title: `a request for ${title}`,
    bytes: () => request(`GET ${path}`, [`Authorization: Bearer ${accessToken}`]),
  }))
}

/** Bodies of JSON that are long in one way each, for routes with the given limit. */
const longJson = (length: number, field: string): Record<string, string> => ({
  'as many keys as fit': `{${numbered(length - 20, (index) => `"a${index}":1`)}}`,
  'the same key again and again': `{${fill(`"${field}":"a",`, length - 40)}"${field}":"a"}`,
  'keys that are numbers': `{${numbered(length - 20, (index) => `"${index * 7}":1`)}}`,
  'deep arrays': `{"${field}":${'['.repeat(length / 2 - 20)}${']'.repeat(length / 2 - 20)}}`,
  'deep objects': `${'{"a":'.repeat(length / 6 - 20)}1${'}'.repeat(length / 6 - 20)}`,
  'a number of many digits': `{"${field}":${fill('9', length - 40)}}`,
  'a fraction of many digits': `{"${field}":0.${fill('1', length - 40)}e-300}`,
  escapes: `{"${field}":"${fill('\\u0041', length - 40)}"}`,
  'escaped surrogates': `{"${field}":"${fill('\\ud83d\\ude00', length - 40)}"}`,
  'halves of surrogates': `{"${field}":"${fill('\\ud83d', length - 40)}"}`,
  'white space': `{"${field}"${fill(' ', length - 40)}:1}`,
  'empty arrays': `{"${field}":[${fill('[],', length - 40)}[]]}`,
  'empty objects': `{"${field}":[${fill('{},', length - 40)}{}]}`,
  texts: `{"${field}":[${fill('"",', length - 40)}""]}`,
  numbers: `{"${field}":[${fill('0,', length - 40)}0]}`,
  'keys like __proto__': `{${fill('"__prot":1,', length - 40)}"a":{"__proto__":1}}`,
})

function heavyJson({ accessToken, serviceKey }: Credentials): HeavyRequest[] {
  const routes = [
    { line: 'POST /v1/users', field: 'username', token: undefined, length: BODY },
    { line: 'PATCH /v1/users/me', field: 'username', token: accessToken, length: BODY },
    { line: 'POST /v1/receipts', field: 'items', token: serviceKey, length: 255 * KIB, isInternal: true },
    { line: 'POST /v1/users/lookup', field: 'ids', token: serviceKey, length: 31 * KIB, isInternal: true },
    {
      line: 'PUT /v1/users/999999999/roles',
      field: 'roles',
      token: serviceKey,
      length: BODY,
      isInternal: true,
    },
  ]
  const all = routes.flatMap(({ line, field, token, length, isInternal = false }) =>
    Object.entries(longJson(length, field)).map(([title, body]) => ({
      title: `${line} with ${title}`,
      isInternal,
      bytes: () => jsonTo(line, body, token),
    })),
  )
  const sid = '0198f3a2-0000-7000-8000-000000000000'
  const receipt = `{"sid":"${sid}","gen":1,"seen_at":"2026-01-31T12:00:00Z","rcp":"3q2-7wECAwQFBgcI"}`
  const small = `{"username":"nobody","password":"x"}`
  return [
    ...all,
    {
      title: 'a thousand receipts',
      isInternal: true,
      bytes: () =>
        jsonTo('POST /v1/receipts', `{"items":[${Array<string>(1_000).fill(receipt).join()}]}`, serviceKey),
    },
    {
      title: 'a lookup of a thousand ids',
      isInternal: true,
      bytes: () =>
        jsonTo(
          'POST /v1/users/lookup',
          `{"ids":[${Array.from({ length: 1_000 }, (_, at) => at + 1).join()}]}`,
          serviceKey,
        ),
    },
    {
      title: 'a body in chunks of one byte',
      bytes: () =>
        request(
          'POST /v1/sessions',
          ['Content-Type: application/json', 'Transfer-Encoding: chunked'],
          `${Array.from(small + fill(' '), (byte) => `1\r\n${byte}\r\n`).join('')}0\r\n\r\n`,
        ),
    },
    {
      title: 'a body in chunks with long extensions',
      bytes: () =>
        request(
          'POST /v1/sessions',
          ['Content-Type: application/json', 'Transfer-Encoding: chunked'],
          `${Array.from(small, (byte) => `1;a=${fill('b', 400)}\r\n${byte}\r\n`).join('')}0\r\n\r\n`,
        ),
    },
  ]
}

/** Texts that are hard to normalize, to fold, to compare or to judge, for names, addresses and passwords. */
const hardTexts: Record<string, string> = {
  'marks in the worst order': 'a' + '\u0315\u0301\u0327\u031b\u0345'.repeat(50),
  'marks that decompose': '\u0344'.repeat(250),
  'a ligature of 18 letters': '\ufdfa'.repeat(250),
  'Hangul in parts': '\u1112\u1161\u11ab'.repeat(80),
  'dotted capitals': '\u0130'.repeat(250),
  'sharp s': '\u1e9e'.repeat(250),
  'Greek with three marks': '\u1fb7'.repeat(250),
  'confusable letters': '\u0430\u0435\u043e'.repeat(80),
  'mathematical letters': '\u{1d400}'.repeat(120),
  'many scripts': 'a\u0430\u03b1\u05d0\u0627\u0915\u3042\u4e00'.repeat(30),
  flags: '\u{1f1e6}'.repeat(120),
  joiners: 'a\u200d'.repeat(120),
  tags: '\u{e0061}'.repeat(120),
  'one letter': 'a'.repeat(250),
  digits: '1'.repeat(250),
  'two letters': 'ab'.repeat(125),
  dots: 'a.'.repeat(125),
  hyphens: '-'.repeat(250),
  underscores: 'a_'.repeat(125),
}

const hardPasswords: Record<string, string> = {
  'one character': 'a'.repeat(128),
  'two characters': 'ab'.repeat(64),
  'three characters': 'abc'.repeat(42),
  'a keyboard row': 'qwertyuiop'.repeat(12),
  'a keyboard walk': '1qaz2wsx3edc'.repeat(10),
  'readings of l33t': '4@8({[<369&#!1/|$5+7%2'.repeat(5),
  'l33t words': 'p@$$w0rd4lg0r!thm$'.repeat(7),
  dates: '1.1.1991-12-31'.repeat(9),
  digits: '0123456789'.repeat(12),
  years: '19991998'.repeat(16),
  words: 'correcthorsebatterystaple'.repeat(5),
  'a repeat of a repeat': 'aaaaaaab'.repeat(16),
  'almost a repeat': `${'abcdefgh'.repeat(15)}abcdefgi`,
  'pairs of UTF-16': '\u{1f600}'.repeat(128),
  'letters and marks': 'e\u0301'.repeat(128),
  separators: 'ab ab-ab.'.repeat(14),
  'random letters': 'xkvqjzwpfygb'.split('').toSorted().join('').repeat(10),
}

function heavyTexts({ accessToken }: Credentials): HeavyRequest[] {
  const signUp = (changes: Record<string, string>) => (): Buffer => {
    const { username, email, password } = newUser()
    return jsonTo('POST /v1/users', JSON.stringify({ username, email, password, ...changes }), undefined)
  }
  const signIn = (username: string) => (): Buffer =>
    jsonTo(
      'POST /v1/sessions',
      JSON.stringify({ username, password: 'x', device_name: username.slice(0, 100) }),
      undefined,
    )
  return [
    ...Object.entries(hardTexts).flatMap(([title, text]) => [
      { title: `a sign-up with a name of ${title}`, bytes: signUp({ username: text }) },
      {
        title: `a sign-up with a short name of ${title}`,
        bytes: signUp({ username: Array.from(text).slice(0, 32).join('') }),
      },
      {
        title: `a sign-up with a domain of ${title}`,
        bytes: signUp({ email: `ann@${text.slice(0, 240)}.org` }),
      },
      {
        title: `a sign-up with many labels of ${title}`,
        bytes: signUp({ email: `ann@${`${text.slice(0, 2)}.`.repeat(80)}org` }),
      },
      {
        title: `a sign-up with an address of ${title}`,
        bytes: signUp({ email: `${text.slice(0, 64)}@example.org` }),
      },
      { title: `a sign-in as ${title}`, bytes: signIn(text) },
      {
        title: `a new name of ${title}`,
        bytes: () => jsonTo('PATCH /v1/users/me', JSON.stringify({ username: text }), accessToken),
      },
    ]),
    ...['xn--', 'xn--a-', 'xn--99999999', 'xn--zzzzzzzzzzzzzzzzzzzzzzzzz'].map((label) => ({
      title: `a sign-up with a domain of ${label}`,
      bytes: signUp({ email: `ann@${`${label}.`.repeat(Math.floor(240 / (label.length + 1)))}org` }),
    })),
    ...Object.entries(hardPasswords).map(([title, password]) => ({
      title: `a sign-up with a password of ${title}`,
      bytes: signUp({ password }),
    })),
    {
      title: 'a sign-up with a password of 1024 marks',
      bytes: signUp({ password: 'a' + '\u0315\u0301\u0327\u031b\u0345'.repeat(204) }),
    },
    {
      title: 'a sign-up with a password made of the name',
      bytes: () => {
        const { username, email } = newUser()
        return jsonTo(
          'POST /v1/users',
          JSON.stringify({ username, email, password: username.repeat(8) }),
          undefined,
        )
      },
    },
    {
      title: 'a refresh with a long token',
      bytes: () =>
        jsonTo('POST /v1/sessions/refresh', JSON.stringify({ refresh_token: 'a'.repeat(4_000) }), undefined),
    },
  ]
}

/** Uploads whose form is hard to read, and forms of the introspection. */
function heavyForms({ uploader, serviceKey }: Credentials): HeavyRequest[] {
  const put =
    (boundary: string, body: string | Buffer, headers: readonly string[] = []) =>
    async (): Promise<Buffer> =>
      request(
        'PUT /v1/users/me/avatar',
        [
          `Authorization: Bearer ${await uploader()}`,
          `Content-Type: multipart/form-data; boundary=${boundary}`,
          ...(headers.join().includes('Transfer') ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]),
          ...headers,
        ],
        body,
      )
  const MOST = 1_900 * KIB
  const field = '--edge\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n'
  const file = '--edge\r\nContent-Disposition: form-data; name="avatar"; filename="me.png"\r\n\r\n'
  const forms: Record<string, () => Promise<Buffer>> = {
    'thousands of empty fields': put('edge', `${fill(field, MOST)}--edge--\r\n`),
    'thousands of files': put('edge', `${fill(`${file}\r\n`, MOST)}--edge--\r\n`),
    'thousands of headers': put('edge', `--edge\r\n${fill('A: b\r\n', MOST)}\r\nx\r\n--edge--\r\n`),
    'one header that is long': put(
      'edge',
      `--edge\r\nContent-Disposition: form-data; name="${fill('a', MOST)}"\r\n\r\nx\r\n--edge--`,
    ),
    'parameters without end': put(
      'edge',
      `--edge\r\nContent-Disposition: form-data; ${fill('a=b; ')}\r\n\r\nx\r\n--edge--`,
    ),
    'quotes without end': put(
      'edge',
      `--edge\r\nContent-Disposition: form-data; name="${fill('\\"')}\r\n\r\nx\r\n--edge--`,
    ),
    'encoded file names': put(
      'edge',
      `--edge\r\nContent-Disposition: form-data; name="avatar"; filename*=utf-8''${fill('%41')}\r\n\r\nx\r\n--edge--`,
    ),
    'a long preamble': put('edge', `${fill('x', MOST)}\r\n${file}x\r\n--edge--\r\n`),
    'a preamble of almost boundaries': put('edge', fill('\r\n--edg', MOST)),
    'a file of almost boundaries': put('edge', `${file}${fill('\r\n--edg', MOST)}\r\n--edge--\r\n`),
    'a file of line ends': put('edge', `${file}${fill('\r\n', MOST)}\r\n--edge--\r\n`),
    'a file of hyphens': put('-', `---\r\n${file.slice(8)}${fill('-', MOST)}\r\n-----\r\n`),
    'a boundary as long as a header': put('a'.repeat(HEADER), `--${fill('a', MOST)}`),
    'a boundary of 70 characters, almost met again and again': put(
      'a'.repeat(70),
      fill(`\r\n--${'a'.repeat(69)}`, MOST),
    ),
    'no boundary': put('', fill(field, MOST)),
    'only line ends': put('edge', fill('\r\n', MOST)),
    'a long epilogue': put('edge', `${file}x\r\n--edge--${fill('--edge\r\n', MOST)}`),
    'chunks of one byte': put('edge', `${fill('1\r\nx\r\n', MOST)}0\r\n\r\n`, ['Transfer-Encoding: chunked']),
    'chunks of sixteen bytes': put('edge', `${fill('10\r\nxxxxxxxxxxxxxxxx\r\n', 2 * MOST)}0\r\n\r\n`, [
      'Transfer-Encoding: chunked',
    ]),
  }
  const urlencoded: Record<string, string> = {
    'as many names as fit': numbered(BODY, (index) => `${index.toString(36)}=`, '&'),
    'the same name again and again': fill('token=a&', BODY),
    separators: fill('&', BODY),
    percents: `token=${fill('%', BODY - 10)}`,
    'encoded letters': `token=${fill('%61', BODY - 10)}`,
  }
  return [
    ...Object.entries(forms).map(([title, bytes]) => ({ title: `an upload with ${title}`, bytes })),
    ...Object.entries(urlencoded).map(([title, body]) => ({
      title: `a form with ${title}`,
      isInternal: true,
      bytes: () =>
        request(
          'POST /v1/introspect',
          [
            `Authorization: Bearer ${serviceKey}`,
            'Content-Type: application/x-www-form-urlencoded',
            `Content-Length: ${Buffer.byteLength(body)}`,
          ],
          body,
        ),
    })),
  ]
}

/** The largest responses. */
function documents({ accessToken, serviceKey }: Credentials): HeavyRequest[] {
  const paths = [
    '/openapi.json',
    '/docs',
    '/docs/json',
    '/docs/yaml',
    '/.well-known/jwks.json',
    '/health/ready',
  ]
  const files = ['swagger-ui-bundle.js', 'swagger-ui-standalone-preset.js', 'swagger-ui.css', 'swagger-ui.js']
  const all = [...paths, ...files.map((name) => `/docs/static/${name}`)]
  const own = ['/v1/users/me/export', '/v1/sessions', '/v1/users?username=p&limit=50']
  const internal = [
    '/metrics',
    '/v1/doctor',
    '/v1/revocations',
    '/v1/users?limit=100',
    '/v1/users?limit=100&disabled=true',
    '/v1/outbox',
    '/v1/keys',
  ]
  return [
    ...[false, true].flatMap((isInternal) =>
      ['gzip', 'identity'].flatMap((encoding) =>
        all.map((path) => ({
          title: `GET ${path} as ${encoding}${isInternal ? ', internal' : ''}`,
          isInternal,
          bytes: () => request(`GET ${path}`, [`Accept-Encoding: ${encoding}`]),
        })),
      ),
    ),
    ...own.map((path) => ({
      title: `GET ${path}`,
      bytes: () => request(`GET ${path}`, [`Authorization: Bearer ${accessToken}`]),
    })),
    ...internal.map((path) => ({
      title: `GET ${path}, internal`,
      isInternal: true,
      bytes: () => request(`GET ${path}`, [`Authorization: Bearer ${serviceKey}`]),
    })),
  ]
}
