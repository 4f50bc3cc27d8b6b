import { dictionary } from '@zxcvbn-ts/language-common'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { parseNewPassword } from '../../../src/domain/password.ts'
import { ZxcvbnScoring } from '../../../src/infrastructure/crypto/zxcvbn-scoring.ts'
import { seededRandom } from '../../support/seeded-random.ts'

let strength: ZxcvbnScoring
beforeAll(async () => {
  strength = await ZxcvbnScoring.load()
})

const objection = (password: string, personal: readonly string[] = [], service: readonly string[] = []) =>
  strength.objection(parseNewPassword(password, 1), { personal, service })
const objectionTo = (password: string, personal: readonly string[] = []): string | undefined =>
  objection(password, personal)?.code
const accepted = (passwords: readonly string[]): string[] =>
  passwords.filter((password) => objectionTo(password) === undefined)
const refused = (passwords: readonly string[]): string[] =>
  passwords.filter((password) => objectionTo(password) !== undefined)

const everyNth = (n: number, passwords: readonly string[]): string[] =>
  passwords.filter((_, i) => i % n === 0)

const breached = dictionary['passwords-common'].filter((password) => password.length >= 8)

describe('refused as too common', () => {
  test(
    'the 3,000 most common breached passwords of at least 8 characters are refused',
    { tags: ['SIGN-IN-7'] },
    () => {
      expect(accepted(breached.slice(0, 3000))).toEqual([])
    },
  )

  test('rarer breached passwords are refused, with separators too', { tags: ['SIGN-IN-7'] }, () => {
    expect(breached.length).toBeGreaterThan(17_000)
    expect(accepted(everyNth(25, breached))).toEqual([])
    const separated = breached.filter((password) => /[ _.-]/.test(password))
    expect(separated.length).toBeGreaterThan(20)
    expect(accepted(separated)).toEqual([])
  })

  test('common passwords with the usual changes are refused', () => {
    const common = everyNth(12, breached.slice(0, 3000))
    expect(accepted(common.map((password) => password.charAt(0).toUpperCase() + password.slice(1)))).toEqual(
      [],
    )
    expect(accepted(common.map((password) => `${password}1`))).toEqual([])
    expect(accepted(common.map((password) => `${password}!`))).toEqual([])
    expect(accepted(common.map((password) => Array.from(password).reverse().join('')))).toEqual([])
  })

  const habits: Record<string, string[]> = {
    'words in l33t': [
      'P@ssw0rd1',
      'p@55w0rD!2024',
      'Pa$$w0rd!',
      'F00tb@ll2023',
      '4dm1n1str4t0r',
      'S3cr3t123!',
    ],
    'keyboard walks': [
      'qwertyuiop',
      'qwertzuiop',
      'azertyuiop',
      'zxcvbnm,./',
      '1qaz2wsx3edc',
      '1qaz@WSX3edc',
      '!QAZ2wsx#EDC4rfv',
      'qwertyuiopasdfghjklzxcvbnm',
      'mnbvcxzlkjhgfdsapoiuytrewq',
      '!@#$%^&*()',
      '147258369',
    ],
    repeats: [
      'aaaaaaaaaa',
      'abcabcabc',
      'hallohallo',
      'ääääääää',
      '🐢🐢🐢🐢🐢🐢🐢🐢',
      'password-password',
      'pass '.repeat(20),
    ],
    sequences: [
      'abcdefghij',
      'zyxwvutsrq',
      '0123456789',
      '98765432',
      'onetwothree',
      'monday tuesday wednesday',
    ],
    dates: ['19841212', '12.12.1984', '1984-12-12', '12/25/2001', 'december1984'],
    'a word and a year': ['Summer2024!', 'Welcome2024!', 'Fussball2024', 'michael1987', 'Liverpool1892'],
    'two common words': ['correct horse', 'redpanda', 'hunter2hunter2', 'letmein please'],
    'the name of the service': ['chatauth', 'chat-auth', 'Chat_Auth1!', 'ChatAuth2026', '(h@t4uth'],
  }
  for (const [habit, passwords] of Object.entries(habits)) {
    test(`a password made of ${habit} is refused as too common`, { tags: ['SIGN-IN-7'] }, () => {
      expect(accepted(passwords)).toEqual([])
      expect(passwords.map((password) => objectionTo(password))).toEqual(passwords.map(() => 'too_common'))
    })
  }

  test('the message for a common password says why it is refused and what to do', () => {
    const { message } = objection('password') ?? {}
    expect(message).toMatch(/first that attackers try.*four random words/)
  })
})

describe('accepted', () => {
  test('passphrases in any language are accepted', () => {
    const passphrases = [
      'correct horse battery staple',
      'correcthorsebatterystaple',
      'my dog likes cheese',
      'maple otter ridge',
      'purple-monkey-dishwasher',
      'kuh tisch lampe regen',
      'blauer Himmel über Köln',
      'пингвин летает высоко',
      '日本語のパスワードです',
    ]
    expect(refused(passphrases)).toEqual([])
  })

  test('ten random characters of any kind are accepted', () => {
    const random = ['gdjqnwpxkz', 'vt7prw2qz9', 'vT7pRw2qZ9', 'xK9#mQ2$vL', '7Hq-2mP!xz', 'ылшжцэгняб']
    expect(refused(random)).toEqual([])
  })

  test('eight random characters without a pattern are accepted', () => {
    expect(refused(['x9K!m2Qz', 'k3vR8tYp'])).toEqual([])
  })

  test('eight random characters with a short word or pattern by chance are accepted', () => {
    const accidents = [
      'rzDRwfgh',
      'up38cywu',
      'FRANCLPX',
      'judyvkie',
      'p9u70275',
      '9xyhd2d2',
      'mot74ez4',
      'wrecmmom',
    ]
    expect(refused(accidents)).toEqual([])
  })

  test.each([
    ['letters and digits', 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'],
    ['small letters and digits', 'abcdefghijklmnopqrstuvwxyz0123456789'],
  ])(
    'at most four of 2,000 random passwords of eight %s are refused',
    { tags: ['SIGN-IN-8'] },
    (_, alphabet) => {
      const characters = Array.from(alphabet)
      const chance = seededRandom(20)
      const random = Array.from({ length: 2000 }, () =>
        Array.from({ length: 8 }, () => chance.pick(characters)).join(''),
      )
      expect(refused(random).length).toBeLessThanOrEqual(4)
    },
  )

  test('a password with a weak start and a strong end is accepted', () => {
    expect(
      refused([`${'a'.repeat(32)}correct horse battery staple`, `${'password'.repeat(6)}xK9#mQ2$vL7w`]),
    ).toEqual([])
  })
})

describe('long passwords', () => {
  test('a long password that repeats one idea is refused', () => {
    const monotonous = [
      'password'.repeat(16),
      '1234567890'.repeat(12),
      'a'.repeat(128),
      'P@ssw0rd1'.repeat(14),
    ]
    expect(accepted(monotonous)).toEqual([])
  })

  test('only the first and last 32 characters of a long password are checked', () => {
    const walk = 'abcdefghijklmnopqrstuvwxyz0123456789'
    const strong = 'maple otter ridge lantern'
    expect(objectionTo(walk + strong + walk)).toBe('too_common')
    expect(objectionTo(strong + walk)).toBeUndefined()
    expect(objectionTo(walk + strong)).toBeUndefined()
    expect(objectionTo(`${walk.slice(0, 24)}x9K!m2Qz${walk}`)).toBeUndefined()
    expect(objectionTo(`${walk.slice(0, 32)}x9K!m2Qz${walk}`)).toBe('too_common')
  })
})

describe('refused as personal', () => {
  const user = ['marianne_k', 'mk.smith@example.org']

  test('a password made from the name or address is refused, l33t and backwards too', () => {
    const built = [
      'marianne_k',
      'Marianne_K1984',
      'marianne1984!',
      'MARIANNE-K-99',
      'm4r1ann3_k!',
      'ennairam99',
      'mk.smith1990',
      'mksmith2024',
      'mk.smith@example.org',
      'example.org1',
    ]
    expect(built.map((password) => [password, objectionTo(password, user)])).toEqual(
      built.map((password) => [password, 'personal']),
    )
  })

  test('the own address is refused as a password, even if it is long or has short parts', () => {
    for (const address of [
      'a.very.long.local.part.indeed.zq@subdomain.some-company.org',
      'a.b.c.d.e.f@x.y.z.com',
    ]) {
      expect(objectionTo(address, ['somebody', address])).toBe('personal')
    }
  })

  test('a name that is in no dictionary is refused as a password, alone and doubled', () => {
    expect(objectionTo('kqzvwpxtbh1')).toBeUndefined()
    expect(objectionTo('kqzvwpxtbh1', ['kqzvwpxtbh'])).toBe('personal')
    expect(objectionTo('kqzvwpxtbhkqzvwpxtbh', ['kqzvwpxtbh'])).toBe('personal')
    expect(objectionTo('Ölçkqzvß-ыл1', ['ölçkqzvß-ыл'])).toBe('personal')
  })

  test('names of four letters are refused in a password, shorter ones are not', () => {
    expect(objectionTo('annaKq7!x', ['anna'])).toBe('personal')
    expect(objectionTo('x9K!lim2Q', ['jo.li@example.org'])).toBeUndefined()
  })

  test('a strong password that contains the name is accepted', () => {
    expect(objectionTo('marianne_k likes blue umbrellas', user)).toBeUndefined()
    expect(objectionTo('mariannexK9#mQ2$vL', user)).toBeUndefined()
  })

  test('a password made from the name of another user is too common, not personal', () => {
    expect(objectionTo('michael1987', user)).toBe('too_common')
  })

  test('the message for a personal password says why it is refused and what to do', () => {
    const { message } = objection('marianne_k', user) ?? {}
    expect(message).toMatch(/made from your name or address.*four random words/)
  })
})

describe('refused as made from the names of the service', () => {
  const names = ['Vraxolde Kjøp', 'talk.zwimbelto.example']

  test.each(['Vraxolde2025!', 'vraxoldekjøp', 'edloxarv#77', 'Kjøp@2024', 'Zwimbelto1!', 'zw1mb3lt0'])(
    '%s, made from the brand or host name, is refused with that reason',
    { tags: ['SIGN-IN-7'] },
    (password) => {
      expect(objection(password)).toBeUndefined()
      const refusal = objection(password, [], names)
      expect(refusal?.code).toBe('too_common')
      expect(refusal?.message).toMatch(/made from the name or address of this service.*four random words/)
    },
  )

  test('a password made from the brand and the own name is refused as personal', () => {
    expect(objection('vraxoldekqzvwp', ['kqzvwp'], names)?.code).toBe('personal')
  })

  test('a strong password that contains the brand is accepted', { tags: ['SIGN-IN-8'] }, () => {
    expect(objection('vraxolde likes blue umbrellas', [], names)).toBeUndefined()
  })
})

describe('any password', () => {
  test('any password is checked without an error, even the name of an object property', () => {
    expect(accepted(['constructor', '__proto__', 'constructor1'])).toEqual(['__proto__'])
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 128 }), fc.string(), (typed, name) => {
        const password = typed.replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/gu, '')
        fc.pre(password !== '')
        expect([undefined, 'too_common', 'personal']).toContain(objectionTo(password.slice(0, 40), [name]))
      }),
    )
  })
})
