import { describe, expect, test } from 'vitest'
import { CommandFailure } from '../../../src/interface-adapters/cli/exit-codes.ts'
import * as responses from './responses.ts'
import { runProgram } from './run-program.ts'

const UNTIL = '2030-01-31T12:00:00Z'

const USER = 'GET /v1/users/17'
const { ann, users, SESSION } = responses

describe('the requests of a command', () => {
  test.each<[string[], string[]]>([
    [['users', 'find', 'ann_&=%'], ['GET /v1/users?username=ann_%26%3D%25']],
    [
      ['users', 'find', '--email', 'a+b@example.org', '--limit', '5', '--cursor', 'x/y'],
      ['GET /v1/users?email=a%2Bb%40example.org&limit=5&cursor=x%2Fy'],
    ],
    [['users', 'find', '--id', '17'], [USER]],
    [['users', 'list'], ['GET /v1/users']],
    [
      ['users', 'list', '--disabled', '--limit', '5', '--cursor', 'x/y'],
      ['GET /v1/users?disabled=true&limit=5&cursor=x%2Fy'],
    ],
    [
      ['users', 'enable', '17'],
      ['POST /v1/users/17/enable', USER],
    ],
    [
      ['users', 'disable', '17', '--reason', 'Spam', '-y'],
      ['POST /v1/users/17/disable {"reason":"Spam"}', USER],
    ],
    [
      ['users', 'disable', '17', '--reason', 'Spam', '--public-reason', 'Ads', '--until', UNTIL, '-y'],
      [`POST /v1/users/17/disable {"reason":"Spam","public_reason":"Ads","until":"${UNTIL}"}`, USER],
    ],
    [
      ['users', 'enable', '17', '--note', 'Appeal'],
      ['POST /v1/users/17/enable {"note":"Appeal"}', USER],
    ],
    [
      ['users', 'remove-factors', '17', '--yes'],
      ['DELETE /v1/users/17/factors', USER],
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
    [['sessions', 'end', '--all-users', '--dry-run'], ['GET /v1/sessions/count']],
    [['sessions', 'end', '--all-users', '--yes'], ['DELETE /v1/sessions']],
    [['invitations', 'create'], ['POST /v1/invitations {"uses":1}']],
    [
      ['invitations', 'create', '--uses', '30', '--expires-at', UNTIL, '--note', 'A class'],
      [`POST /v1/invitations {"uses":30,"expires_at":"${UNTIL}","note":"A class"}`],
    ],
    [['invitations', 'list', '--limit', '7', '--cursor', '9'], ['GET /v1/invitations?limit=7&cursor=9']],
    [['invitations', 'revoke', '17'], ['DELETE /v1/invitations/17']],
    [['keys', 'list'], ['GET /v1/keys']],
    [['keys', 'rotate'], ['POST /v1/keys/rotate']],
    [['outbox', 'list'], ['GET /v1/outbox?state=dead']],
    [
      ['outbox', 'list', '--state', 'waiting', '--consumer', 'a b', '--limit', '7', '--cursor', '9'],
      ['GET /v1/outbox?state=waiting&consumer=a+b&limit=7&cursor=9'],
    ],
    [['outbox', 'replay', '4711'], ['POST /v1/outbox/4711/replay']],
    [['outbox', 'replay', '--consumer', 'a'], ['POST /v1/outbox/replay {"consumer":"a"}']],
    [['outbox', 'tell-messaging', '--all'], ['POST /v1/outbox/tell-messaging {}']],
    [
      ['outbox', 'tell-messaging', '--all', '--from', '500'],
      ['POST /v1/outbox/tell-messaging {"cursor":"500"}'],
    ],
    [['audit'], ['GET /v1/audit']],
    [
      [
        'audit',
        '--user',
        '17',
        '--actor',
        'service:ops',
        '--action',
        'user.disabled',
        '--ip',
        '192.0.2.0/24',
      ],
      ['GET /v1/audit?user_id=17&actor=service%3Aops&action=user.disabled&ip=192.0.2.0%2F24'],
    ],
    [
      ['audit', '--from', UNTIL, '--to', '2030-02-01T00:00:00Z', '--limit', '5', '--cursor', 'x'],
      ['GET /v1/audit?from=2030-01-31T12%3A00%3A00Z&to=2030-02-01T00%3A00%3A00Z&limit=5&cursor=x'],
    ],
    [['doctor'], ['GET /v1/doctor']],
  ])('the command %j sends the expected requests', async (args, expected) => {
    const { code, calls } = await runProgram(args, everything)
    expect(
      calls.map(([method, path, body]) => [method, path, JSON.stringify(body)].join(' ').trim()),
    ).toEqual(expected)
    expect(code).toBe(0)
  })
})

const everything = {
  [USER]: ann,
  'GET /v1/users': users,
  'GET /v1/users/17/sessions': responses.sessions,
  'GET /v1/sessions/count': responses.allSessions,
  'DELETE /v1/sessions': responses.endedSessions,
  'GET /v1/invitations': responses.invitations,
  'POST /v1/invitations': responses.newInvitation,
  'GET /v1/keys': responses.keys,
  'POST /v1/keys/rotate': responses.rotatedKeys,
  'GET /v1/outbox': responses.deadDeliveries,
  'POST /v1/outbox/replay': responses.replays,
  'POST /v1/outbox/tell-messaging': responses.announcements,
  'GET /v1/audit': responses.auditEntries,
  'GET /v1/doctor': responses.health,
}

describe('wrong usage', () => {
  test.each([
    [[], 'Usage'],
    [['users'], 'Usage'],
    [['user'], 'Did you mean users?'],
    [['users', 'find'], '--email'],
    [['users', 'find', 'ann', '--email', 'ann@example.org'], '--email'],
    [['users', 'find', 'ann', '--limit', '0'], 'from 1 to 9999'],
    [['users', 'disable', '17'], '--reason'],
    [['users', 'enable', 'ann'], 'chat-auth users find'],
    [['users', 'enable', '17/../18'], 'chat-auth users find'],
    [['users', 'enable', '17', '18'], 'too many arguments'],
    [['users', 'enable', '17', '--force'], '--force'],
    [['sessions', 'end', '17'], '--all'],
    [['sessions', 'end', '17', SESSION, '--all'], '--all'],
    [['sessions', 'end'], '--all-users'],
    [['sessions', 'end', '17', '--all-users'], '--all-users alone'],
    [['sessions', 'end', '--all'], '--all-users'],
    [['sessions', 'end', '--all', '--all-users'], '--all-users alone'],
    [['sessions', 'end', '17', '--all', '--dry-run'], '--all-users alone'],
    [['sessions', 'end', '17', 'current'], 'chat-auth sessions list'],
    [['invitations', 'create', '--uses', '0'], 'from 1 to 9999'],
    [['invitations', 'revoke', 'all'], 'chat-auth invitations list'],
    [['outbox', 'list', '--state', 'lost'], 'dead, waiting'],
    [['outbox', 'replay'], '--consumer'],
    [['outbox', 'replay', '1', '--consumer', 'a'], '--consumer'],
    [['outbox', 'replay', 'all'], 'chat-auth outbox list'],
    [['outbox', 'tell-messaging'], '--all'],
    [['outbox', 'tell-messaging', '--all', '--from', 'ann'], 'Must be a number'],
    [['audit', '--user', 'ann'], 'chat-auth users find'],
    [['audit', '17'], 'too many arguments'],
  ])('wrong usage %j sends no request and explains the right usage', async (args, words) => {
    const { code, calls, out, err } = await runProgram(args)
    expect({ code, calls, out }).toEqual({ code: 2, calls: [], out: '' })
    expect(err).toContain(words)
  })
})

describe('outbox tell-messaging', () => {
  const args = ['outbox', 'tell-messaging', '--all']

  test('all users are announced batch by batch', async () => {
    const pages = [
      { announced: 500, next_cursor: '501' },
      { announced: 1, next_cursor: null },
    ]
    const { calls, progress, out } = await runProgram(args, {
      get 'POST /v1/outbox/tell-messaging'() {
        return pages.shift()
      },
    })
    expect(calls.map(([, , body]) => body)).toEqual([{}, { cursor: '501' }])
    expect(progress).toBe('500 users will be sent\n')
    expect(out).toBe('501 users will be sent to the messaging service.\n')
  })

  test('a failure in the middle says where to continue', async () => {
    let isFirst = true
    const { code, err } = await runProgram(args, {
      get 'POST /v1/outbox/tell-messaging'() {
        if (!isFirst) return Promise.reject(new CommandFailure('chat-auth is not reachable.', 3))
        isFirst = false
        return { announced: 500, next_cursor: '501' }
      },
    })
    const advice = 'To continue, repeat the command with --from 501.'
    expect([code, err]).toEqual([3, `chat-auth is not reachable. ${advice}`])
  })
})

describe('confirmation', () => {
  test.each([
    [
      ['users', 'disable', '17', '--reason', 'Spam'],
      'Disable ann_example (17) without an end, and end 2 sessions?',
    ],
    [
      ['users', 'disable', '17', '--reason', 'Spam', '--until', UNTIL],
      `Disable ann_example (17) until ${UNTIL}, and end 2 sessions?`,
    ],
    [['sessions', 'end', '17', '--all'], 'End 2 sessions of ann_example (17)?'],
    [
      ['users', 'remove-factors', '17'],
      'Remove the second factors of ann_example (17) (totp), so that the password alone is enough?',
    ],
  ])('the irreversible command %j asks for confirmation first', async (args, question) => {
    const refused = await runProgram(args, everything, { says: false })
    expect(refused).toMatchObject({ code: 1, out: '', err: 'Nothing was changed.', questions: [question] })
    expect(refused.calls).toEqual([['GET', '/v1/users/17']])
    const { code, calls } = await runProgram(args, everything)
    expect([code, calls.length]).toEqual([0, 3])
    expect((await runProgram([...args, '--yes'], everything, { says: false })).questions).toEqual([])
  })
})

describe('sessions end --all-users', () => {
  const args = ['sessions', 'end', '--all-users']

  test('ending the sessions of all users asks for confirmation with their number', async () => {
    const refused = await runProgram(args, everything, { says: false })
    expect(refused).toMatchObject({ code: 1, err: 'Nothing was changed.' })
    expect(refused.questions).toEqual(['End 40213 sessions of all users?'])
    expect(refused.calls).toEqual([['GET', '/v1/sessions/count']])
    expect((await runProgram([...args, '-y'], everything)).questions).toEqual([])
  })

  test('the calls go on with each cursor, and each is reported', async () => {
    const pages = [
      { ended: 500, next_cursor: 'a' },
      { ended: 1, next_cursor: 'b' },
      { ended: 0, next_cursor: null },
    ]
    const { calls, progress, out } = await runProgram([...args, '-y'], {
      get 'DELETE /v1/sessions'() {
        return pages.shift()
      },
    })
    expect(calls.map(([, path]) => path)).toEqual([
      '/v1/sessions',
      '/v1/sessions?cursor=a',
      '/v1/sessions?cursor=b',
    ])
    expect(progress).toBe('500 sessions of all users ended\n501 sessions of all users ended\n')
    expect(out).toBe('501 sessions of all users ended. Everybody signs in again.\n')
  })

  test('a failure in the middle says how many sessions have ended', async () => {
    let isFirst = true
    const { code, err } = await runProgram([...args, '-y'], {
      get 'DELETE /v1/sessions'() {
        if (!isFirst) return Promise.reject(new CommandFailure('chat-auth is not reachable.', 3))
        isFirst = false
        return { ended: 500, next_cursor: 'a' }
      },
    })
    expect([code, err]).toEqual([
      3,
      '500 sessions of all users ended, then: chat-auth is not reachable. Run the command again for the rest.',
    ])
  })
})

describe('the output of a command', () => {
  test.each([
    ['users find ann', users],
    ['keys list', responses.keys],
    ['outbox list', responses.deadDeliveries],
    ['doctor', responses.health],
  ])('%s with --json prints the response of the service', async (words, body) => {
    for (const args of [
      [...words.split(' '), '--json'],
      ['--json', ...words.split(' ')],
    ]) {
      expect(JSON.parse((await runProgram(args, everything)).out)).toEqual(body)
    }
  })

  test('a list with another page says how to get it', async () => {
    const page = { ...users, next_cursor: 'bmV4dA' }
    const { out } = await runProgram(['users', 'find', 'a'], { 'GET /v1/users': page })
    expect(out).toMatch(/\n\nThere are more\. Add --cursor bmV4dA\n$/)
  })

  test('the list of waiting deliveries shows the time of the next attempt', async () => {
    const { out } = await runProgram(['outbox', 'list', '--state', 'waiting'], {
      'GET /v1/outbox': responses.waitingDeliveries,
    })
    expect(out).toContain('ATTEMPTS  NEXT                  LAST ERROR')
    expect(out).toContain('--cursor 4711')
  })

  test('keys list explains that a shared secret has no signing keys', async () => {
    const { out } = await runProgram(['keys', 'list'], { 'GET /v1/keys': { algorithm: 'HS256', items: [] } })
    expect(out).toContain('TOKEN_ALGORITHM=HS256')
  })

  test('keys list marks a key that cannot be decrypted', async () => {
    const items = responses.keys.items.map((key) => ({ ...key, state: 'published', usable: false }))
    const { out } = await runProgram(['keys', 'list'], { 'GET /v1/keys': { ...responses.keys, items } })
    expect(out).toContain('published, cannot be decrypted')
  })

  test('the doctor command exits with 1 when a check failed', async () => {
    const body = {
      status: 'failed',
      findings: responses.health.findings.map((one) => ({ ...one, status: 'failed' })),
    }
    const { code, out } = await runProgram(['doctor'], { 'GET /v1/doctor': body })
    expect([code, out]).toEqual([1, expect.stringMatching(/\n\n12 failed, 0 warnings\.\n$/)])
    const fine = { status: 'ok', findings: responses.health.findings.slice(1) }
    expect((await runProgram(['doctor'], { 'GET /v1/doctor': fine })).out).toMatch(
      /\n\nAll checks passed\.\n$/,
    )
  })
})

test('--version and --help exit with 0', async () => {
  expect(await runProgram(['--version'])).toMatchObject({ code: 0, out: '1.2.3\n' })
  const { code, out } = await runProgram(['sessions', 'end', '--help'])
  expect(code).toBe(0)
  expect(out).toContain('--all')
})
