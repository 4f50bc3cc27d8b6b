import { describe, expect, test } from 'vitest'
import * as answers from './answers.ts'
import { runProgram } from './run-program.ts'

const USER = 'GET /v1/users/17'
const { ann, people, SESSION } = answers

describe('a command calls', () => {
  test.each<[string[], string[]]>([
    [['users', 'find', 'ann_&=%'], ['GET /v1/users?username=ann_%26%3D%25']],
    [
      ['users', 'find', '--email', 'a+b@example.org', '--limit', '5', '--cursor', 'x/y'],
      ['GET /v1/users?email=a%2Bb%40example.org&limit=5&cursor=x%2Fy'],
    ],
    [['users', 'find', '--id', '17'], [USER]],
    [
      ['users', 'enable', '17'],
      ['POST /v1/users/17/enable', USER],
    ],
    [
      ['users', 'disable', '17', '--reason', 'Spam', '-y'],
      ['POST /v1/users/17/disable {"reason":"Spam"}', USER],
    ],
    [
      ['users', 'roles', '17', 'b, a'],
      ['PUT /v1/users/17/roles {"roles":["b","a"]}', USER],
    ],
    [
      ['users', 'roles', '17', ''],
      ['PUT /v1/users/17/roles {"roles":[]}', USER],
    ],
    [['sessions', 'list', '17'], ['GET /v1/users/17/sessions']],
    [
      ['sessions', 'end', '17', SESSION],
      [`DELETE /v1/users/17/sessions/${SESSION}`, USER],
    ],
    [
      ['sessions', 'end', '17', '--all', '--yes'],
      ['DELETE /v1/users/17/sessions', USER],
    ],
    [['keys', 'list'], ['GET /v1/keys']],
    [['keys', 'rotate'], ['POST /v1/keys/rotate']],
    [['outbox', 'list'], ['GET /v1/outbox?state=dead']],
    [
      ['outbox', 'list', '--state', 'waiting', '--consumer', 'a b', '--limit', '7', '--cursor', '9'],
      ['GET /v1/outbox?state=waiting&consumer=a+b&limit=7&cursor=9'],
    ],
    [['outbox', 'replay', '4711'], ['POST /v1/outbox/4711/replay']],
    [['outbox', 'replay', '--consumer', 'a'], ['POST /v1/outbox/replay {"consumer":"a"}']],
    [['doctor'], ['GET /v1/doctor']],
  ])('%j', async (args, expected) => {
    const { code, calls } = await runProgram(args, everything)
    expect(
      calls.map(([method, path, body]) => [method, path, JSON.stringify(body)].join(' ').trim()),
    ).toEqual(expected)
    expect(code).toBe(0)
  })
})

const everything = {
  [USER]: ann,
  'GET /v1/users': people,
  'GET /v1/users/17/sessions': answers.sessions,
  'GET /v1/keys': answers.keys,
  'POST /v1/keys/rotate': answers.rotatedKeys,
  'GET /v1/outbox': answers.deadDeliveries,
  'POST /v1/outbox/replay': answers.replays,
  'GET /v1/doctor': answers.health,
}

describe('wrong usage calls nothing, and says what would be right', () => {
  test.each([
    [[], 'Usage'],
    [['users'], 'Usage'],
    [['user'], 'Did you mean users?'],
    [['users', 'find'], '--email'],
    [['users', 'find', 'ann', '--email', 'ann@example.org'], '--email'],
    [['users', 'find', 'ann', '--limit', '0'], 'from 1 on'],
    [['users', 'disable', '17'], '--reason'],
    [['users', 'enable', 'ann'], 'users find tells it'],
    [['users', 'enable', '17/../18'], 'users find tells it'],
    [['users', 'enable', '17', '18'], 'too many arguments'],
    [['users', 'enable', '17', '--force'], '--force'],
    [['sessions', 'end', '17'], '--all'],
    [['sessions', 'end', '17', SESSION, '--all'], '--all'],
    [['sessions', 'end', '17', 'current'], 'sessions list tells it'],
    [['outbox', 'list', '--state', 'lost'], 'dead, waiting'],
    [['outbox', 'replay'], '--consumer'],
    [['outbox', 'replay', '1', '--consumer', 'a'], '--consumer'],
    [['outbox', 'replay', 'all'], 'outbox list tells it'],
  ])('%j', async (args, words) => {
    const { code, calls, out, err } = await runProgram(args)
    expect({ code, calls, out }).toEqual({ code: 2, calls: [], out: '' })
    expect(err).toContain(words)
  })
})

describe('what cannot be undone is asked about', () => {
  test.each([
    [['users', 'disable', '17', '--reason', 'Spam'], 'Disable ann_example (17), and end 2 sessions?'],
    [['sessions', 'end', '17', '--all'], 'End 2 sessions of ann_example (17)?'],
  ])('%j', async (args, question) => {
    const refused = await runProgram(args, everything, { says: false })
    expect(refused).toMatchObject({ code: 1, out: '', err: 'Nothing was changed.', questions: [question] })
    expect(refused.calls).toEqual([['GET', '/v1/users/17']])
    const { code, calls } = await runProgram(args, everything)
    expect([code, calls.length]).toEqual([0, 3])
    expect((await runProgram([...args, '--yes'], everything, { says: false })).questions).toEqual([])
  })
})

describe('what is printed', () => {
  test.each([
    ['users find ann', people],
    ['keys list', answers.keys],
    ['outbox list', answers.deadDeliveries],
    ['doctor', answers.health],
  ])('with --json of %s is what the service answered', async (words, body) => {
    for (const args of [
      [...words.split(' '), '--json'],
      ['--json', ...words.split(' ')],
    ]) {
      expect(JSON.parse((await runProgram(args, everything)).out)).toEqual(body)
    }
  })

  test('of another page says how to get it', async () => {
    const page = { ...people, next_cursor: 'bmV4dA' }
    const { out } = await runProgram(['users', 'find', 'a'], { 'GET /v1/users': page })
    expect(out).toMatch(/\n\nThere are more: add --cursor bmV4dA\n$/)
  })

  test('of deliveries that wait is when they are tried next', async () => {
    const { out } = await runProgram(['outbox', 'list', '--state', 'waiting'], {
      'GET /v1/outbox': answers.waitingDeliveries,
    })
    expect(out).toContain('ATTEMPTS  NEXT                  LAST ERROR')
    expect(out).toContain('--cursor 4711')
  })

  test('of keys that a shared secret stands for is that there are none', async () => {
    const { out } = await runProgram(['keys', 'list'], { 'GET /v1/keys': { algorithm: 'HS256', items: [] } })
    expect(out).toContain('TOKEN_ALGORITHM=HS256')
  })

  test('of a key that cannot be opened says so', async () => {
    const items = answers.keys.items.map((key) => ({ ...key, state: 'published', usable: false }))
    const { out } = await runProgram(['keys', 'list'], { 'GET /v1/keys': { ...answers.keys, items } })
    expect(out).toContain('published, cannot be opened')
  })

  test('of a doctor who found a failure ends with 1', async () => {
    const body = {
      status: 'failed',
      findings: answers.health.findings.map((one) => ({ ...one, status: 'failed' })),
    }
    const { code, out } = await runProgram(['doctor'], { 'GET /v1/doctor': body })
    expect([code, out]).toEqual([1, expect.stringMatching(/\n\n11 failed, 0 warnings\.\n$/)])
    const fine = { status: 'ok', findings: answers.health.findings.slice(1) }
    expect((await runProgram(['doctor'], { 'GET /v1/doctor': fine })).out).toMatch(/\n\nAll is well\.\n$/)
  })
})

test('--version and --help are no failures', async () => {
  expect(await runProgram(['--version'])).toMatchObject({ code: 0, out: '1.2.3\n' })
  const { code, out } = await runProgram(['sessions', 'end', '--help'])
  expect(code).toBe(0)
  expect(out).toContain('--all')
})
