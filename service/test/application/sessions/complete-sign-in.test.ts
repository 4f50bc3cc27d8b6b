// Sign-ins that need a second factor.
import { beforeEach, describe, expect, test } from 'vitest'
import type { CompleteSignInInput } from '../../../src/application/sessions/complete-sign-in.ts'
import { at, sessionId } from '../../support/builders.ts'
import { codeIn, enrol, type Enrolled } from '../factors/enrolled.ts'
import { aWorld, away, home, password, type World } from '../world.ts'

let world: World
let enrolled: Enrolled

/** Anna has an authenticator and session 1. */
beforeEach(async () => {
  world = aWorld()
  await world.addUser('anna')
  enrolled = await enrol(world)
})

const challenge = async (changes: Parameters<World['challenge']>[0] = {}) =>
  (await world.challenge(changes)).challenge
const complete = (input: Partial<CompleteSignInInput> & { challenge: string }) =>
  world.useCases.completeSignIn({ userAgent: 'Mozilla/5.0', address: home, ...input })
const refused = (code: string) => ({ code })
const outcomeOf = (attempt: Promise<unknown>) =>
  attempt.then(
    () => 'ok',
    (error: unknown) => (error as { code?: string }).code,
  )

test('the right password of a user with a factor starts no session', { tags: ['FACTOR-3'] }, async () => {
  const before = world.store.world()
  expect(await world.challenge()).toMatchObject({ factors: ['totp', 'recovery_code'], expiresInSeconds: 300 })
  expect(world.store.world()).toEqual(before)
})

test('a code completes the sign-in with the device of its first half', async () => {
  const device = { deviceId: 'phone', deviceName: 'Anna’s phone' }
  const issued = await complete({
    challenge: await challenge(device),
    code: codeIn(world),
    userAgent: 'Completer/1.0',
    address: away,
  })
  expect(issued.session).toEqual(world.session(2))
  expect(issued.session).toMatchObject({
    device: { id: 'phone', name: 'Anna’s phone', userAgent: 'Completer/1.0', address: away.text },
    amr: ['pwd', 'otp', 'mfa'],
    authTime: at(30),
  })
  expect(world.eventTypes().at(-1)).toBe('session.created')
})

test(
  'a recovery code completes it as well, once, and is named in the tokens',
  { tags: ['FACTOR-4'] },
  async () => {
    const [recoveryCode = ''] = enrolled.recoveryCodes
    const typed = ` ${recoveryCode.toLowerCase().replace(/(.{4})/g, '$1 - ')}`.replaceAll('0', 'o')
    const { session } = await complete({ challenge: await challenge(), recoveryCode: typed })
    expect(session.amr).toEqual(['pwd', 'recovery', 'mfa'])
    const again = complete({ challenge: await challenge(), recoveryCode })
    await expect(again).rejects.toMatchObject(refused('invalid_code'))
  },
)

test('a challenge without recovery codes left does not offer them', async () => {
  for (const recoveryCode of enrolled.recoveryCodes) {
    await complete({ challenge: await challenge(), recoveryCode })
  }
  expect((await world.challenge()).factors).toEqual(['totp'])
})

test('a refresh keeps amr and auth_time of a sign-in with a factor', async () => {
  const { refreshToken } = await complete({ challenge: await challenge(), code: codeIn(world) })
  world.pass(600)
  const next = await world.useCases.refreshSession({ refreshToken, address: home, userAgent: 'Mozilla/5.0' })
  expect(next.session).toMatchObject({ amr: ['pwd', 'otp', 'mfa'], authTime: at(30) })
})

test('a sign-in is not completed without a code', async () => {
  await expect(complete({ challenge: await challenge() })).rejects.toMatchObject({
    code: 'validation_failed',
    details: { fields: [{ field: 'code', code: 'required' }] },
  })
})

test('of a code and a recovery code only the code counts, and the other one stays good', async () => {
  const [recoveryCode] = enrolled.recoveryCodes
  const wrong = complete({ challenge: await challenge(), code: '000000', recoveryCode })
  await expect(wrong).rejects.toMatchObject(refused('invalid_code'))
  const both = { code: codeIn(world), recoveryCode }
  const { session } = await complete({ challenge: await challenge(), ...both })
  expect(session.amr).toEqual(['pwd', 'otp', 'mfa'])
  await complete({ challenge: await challenge(), recoveryCode })
})

test('a device that signs in again replaces its session, and no earlier', async () => {
  const given = await challenge({ deviceId: 'phone' })
  await complete({ challenge: given, code: codeIn(world) })
  const next = await challenge({ deviceId: 'phone' })
  expect(world.session(2)?.endedAt).toBeUndefined()
  world.pass(30)
  await complete({ challenge: next, code: codeIn(world) })
  expect(world.session(2)?.endReason).toBe('replaced')
})

describe('codes', { tags: ['FACTOR-2'] }, () => {
  test('the codes of the step before and after are good, and those further away are not', async () => {
    const now = world.deps.clock.now()
    const step = Math.floor(+now / 30_000)
    const codeOf = (off: number) => String((step + off) % 1_000_000).padStart(6, '0')
    const outcomes: unknown[] = []
    for (const off of [-2, 2, 0, -1, 1]) {
      const given = { challenge: await challenge({ deviceId: `device ${off}`.replace(' ', '_') }) }
      outcomes.push(await outcomeOf(complete({ ...given, code: codeOf(off) })))
    }
    // The step before the used one is used as well.
    expect(outcomes).toEqual(['invalid_code', 'invalid_code', 'ok', 'invalid_code', 'ok'])
  })

  test('a code with spaces is read', async () => {
    const code = codeIn(world).replace(/^(...)/, '$1 ')
    await complete({ challenge: await challenge(), code })
  })

  test('a code that was used for one sign-in does not complete another', async () => {
    const [one, other] = [await challenge(), await challenge()]
    const code = codeIn(world)
    await complete({ challenge: one, code })
    await expect(complete({ challenge: other, code })).rejects.toMatchObject(refused('invalid_code'))
  })

  test('a code of another user is wrong', async () => {
    const secret = world.store.world().totp.get(enrolled.caller.user.id)?.secret ?? ''
    expect(secret).toContain(String(enrolled.caller.user.id))
    const wrong = complete({ challenge: await challenge(), code: '000001' })
    await expect(wrong).rejects.toMatchObject(refused('invalid_code'))
  })
})

describe('a challenge', { tags: ['FACTOR-3'] }, () => {
  const gone = refused('challenge_gone')

  test('a challenge works once, even with another good code', async () => {
    const given = await challenge()
    await complete({ challenge: given, code: codeIn(world) })
    const [recoveryCode] = enrolled.recoveryCodes
    await expect(complete({ challenge: given, recoveryCode })).rejects.toMatchObject(gone)
    await complete({ challenge: await challenge(), recoveryCode })
  })

  test('a wrong code leaves the challenge good', async () => {
    const given = await challenge()
    await expect(complete({ challenge: given, code: '000000' })).rejects.toMatchObject(
      refused('invalid_code'),
    )
    await complete({ challenge: given, code: codeIn(world) })
  })

  test('a challenge lives for five minutes', async () => {
    const [one, other] = [await challenge(), await challenge()]
    world.pass(299)
    await complete({ challenge: one, code: codeIn(world) })
    world.pass(1)
    await expect(complete({ challenge: other, code: codeIn(world) })).rejects.toMatchObject(gone)
  })

  test('a challenge of a clock that was ahead has expired', async () => {
    const given = await challenge()
    world.pass(-61)
    await expect(complete({ challenge: given, code: codeIn(world) })).rejects.toMatchObject(gone)
  })

  test.each(['', 'nonsense', 'refresh 1 x 0', 'challenge {'])(
    'the text %j is not a challenge',
    async (text) => {
      const attempt = complete({ challenge: text, code: codeIn(world) })
      expect(await outcomeOf(attempt)).toBe(text === 'challenge {' ? undefined : 'challenge_gone')
    },
  )

  const meanwhile: Record<string, [change: () => Promise<unknown>, code: string]> = {
    'changed the password': [
      () =>
        world.useCases.changePassword(enrolled.caller, {
          currentPassword: password,
          newPassword: 'battery staple',
        }),
      'challenge_gone',
    ],
    'removed the factor': [() => world.useCases.removeTotp(enrolled.caller), 'challenge_gone'],
    'got new recovery codes': [() => world.useCases.renewRecoveryCodes(enrolled.caller), 'challenge_gone'],
    'was deleted': [
      () => world.useCases.deleteUser(enrolled.caller, { currentPassword: password }),
      'challenge_gone',
    ],
    'was disabled': [
      () =>
        world.useCases.disableUser('service:ops', enrolled.caller.user.id, {
          reason: 'Spam',
          publicReason: undefined,
          until: undefined,
        }),
      'user_disabled',
    ],
  }
  test.each(Object.entries(meanwhile))(
    'a challenge of a user who %s meanwhile starts no session',
    async (_, [change, code]) => {
      const given = await challenge()
      await change()
      const sessions = world.store.world().sessions.size
      for (const codes of [{ code: codeIn(world) }, { recoveryCode: enrolled.recoveryCodes[0] }])
        await expect(complete({ challenge: given, ...codes })).rejects.toMatchObject(refused(code))
      expect(world.store.world().sessions.size).toBe(sessions)
    },
  )

  test('a client that cannot ask for a code is refused, and the refusal is noted', async () => {
    const before = world.store.world()
    const attempt = world.signIn({ takesChallenge: false })
    await expect(attempt).rejects.toMatchObject(refused('second_factor_required'))
    expect(world.store.world()).toEqual(before)
    await expect(world.signIn({ takesChallenge: false, password: 'wrong' })).rejects.toMatchObject(
      refused('invalid_credentials'),
    )
  })
})

describe('guesses', { tags: ['FACTOR-5'] }, () => {
  const guess = (given: string, address = home) =>
    outcomeOf(complete({ challenge: given, code: '000000', address }))
  const stranger = (number: number) => {
    const text = `198.51.100.${number}`
    return { text, network: `${text}/32`, widerNetworks: [] }
  }
  /** Wrong codes with new challenges from this place until they are refused. */
  async function guessFrom(address: typeof home, deviceId?: string): Promise<number> {
    for (let count = 0; ;) {
      const given = await challenge({ address, deviceId })
      for (let time = 0; time < 5; time += 1) {
        if ((await guess(given, address)) !== 'invalid_code') return count
        count += 1
      }
    }
  }

  test('a challenge allows five wrong codes', async () => {
    const given = await challenge()
    const outcomes: unknown[] = []
    for (let time = 0; time < 6; time += 1) outcomes.push(await guess(given))
    expect(outcomes).toEqual([...Array<string>(5).fill('invalid_code'), 'too_many_attempts'])
    const right = complete({ challenge: given, code: codeIn(world) })
    await expect(right).rejects.toMatchObject(refused('too_many_attempts'))
  })

  test('more challenges do not allow a network more guesses', async () => {
    expect(await guessFrom(stranger(1))).toBe(10)
  })

  test('more networks do not allow a thief of the password more than 20 guesses', async () => {
    const counts: number[] = []
    for (const number of [1, 2, 3, 4]) counts.push(await guessFrom(stranger(number)))
    expect(counts).toEqual([10, 10, 0, 0])
  })

  test('guesses elsewhere do not lock the owner out of a known network or device', async () => {
    await complete({ challenge: await challenge({ deviceId: 'phone' }), code: codeIn(world) })
    world.pass(30)
    for (const number of [1, 2, 3]) await guessFrom(stranger(number))
    await complete({ challenge: await challenge(), code: codeIn(world) })
    world.pass(30)
    const onTheRoad = { address: stranger(9) }
    const known = await challenge({ deviceId: 'phone', ...onTheRoad })
    await complete({ challenge: known, code: codeIn(world), ...onTheRoad })
  })

  test('guesses elsewhere leave the owner a recovery code in a new place', async () => {
    for (const number of [1, 2, 3]) await guessFrom(stranger(number))
    const onTheRoad = { address: stranger(9) }
    const code = complete({ challenge: await challenge(onTheRoad), code: codeIn(world), ...onTheRoad })
    await expect(code).rejects.toMatchObject(refused('too_many_attempts'))
    const [recoveryCode] = enrolled.recoveryCodes
    await complete({ challenge: await challenge(onTheRoad), recoveryCode, ...onTheRoad })
  })

  test('a known network counts only where the sign-in was made', async () => {
    const given = await challenge()
    const elsewhere = stranger(1)
    for (const number of [2, 3, 4]) await guessFrom(stranger(number))
    expect(await guess(given, elsewhere)).toBe('too_many_attempts')
    expect(await guess(given, home)).toBe('invalid_code')
  })

  test('a claimed device that is not known has no budget of its own', async () => {
    for (const number of [1, 2]) await guessFrom(stranger(number))
    expect(await guessFrom(stranger(3), 'made-up')).toBe(0)
  })

  test('right codes cost nothing', async () => {
    for (let time = 0; time < 25; time += 1) {
      const given = await challenge({ address: away })
      await complete({ challenge: given, code: codeIn(world), address: away })
      world.pass(30)
    }
  })

  test('recovery codes are guesses as well, ten from a network', async () => {
    const outcomes: unknown[] = []
    for (let time = 0; time < 3; time += 1) {
      const given = await challenge({ address: away })
      for (let each = 0; each < 4; each += 1) {
        const attempt = complete({ challenge: given, recoveryCode: 'Z'.repeat(24), address: away })
        outcomes.push(await outcomeOf(attempt))
      }
    }
    expect(outcomes.filter((each) => each === 'invalid_code')).toHaveLength(10)
  })
})

test('a factor that was added while the password was checked is needed already', async () => {
  const added = aWorld(({ users, factors }) => ({
    factors,
    users: {
      ...users,
      // As it was before the enrolment.
      findForSignIn: async (...given) => {
        const found = await users.findForSignIn(...given)
        return { ...found, user: found.user && { ...found.user, factors: [], factorsVersion: 1 } }
      },
    },
  }))
  await added.addUser('anna')
  await enrol(added)
  await expect(added.signIn()).rejects.toMatchObject(refused('unavailable'))
  expect(added.session(2)).toBeUndefined()
  expect(sessionId(1)).toBe(added.session(1)?.id)
})
