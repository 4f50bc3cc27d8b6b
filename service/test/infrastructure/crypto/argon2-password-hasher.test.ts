import * as argon2 from '@node-rs/argon2'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ApplicationError } from '../../../src/application/errors.ts'
import { parseNewPassword, type PasswordHash } from '../../../src/domain/password.ts'
import { Argon2PasswordHasher } from '../../../src/infrastructure/crypto/argon2-password-hasher.ts'
import { passlibPbkdf2Sha256 } from '../../../src/infrastructure/crypto/foreign-password-hashes.ts'
import { passwordHasherContract } from '../../contracts/password-hasher.contract.ts'

/** `ge\u0308heim`, hashed by passlib 1.7.4. */
const foreignHash =
  '$pbkdf2-sha256$1000$9j6HsNb6H.Nca.29FwKAcA$7d6ouxPnmA5xRsy0xtoIBXGy29jFRreHzRq3KjotjlY' as PasswordHash

const small = { memoryKib: 64, passes: 1 }
const password = parseNewPassword('correct horse', 8)
const share = ['strangers', '192.0.2.1/32', 'sign-in:anna']

/** The real Argon2 and PBKDF2, and a record of every evaluation. */
function observed(): {
  work: string[]
  options: { argon2: Pick<typeof argon2, 'hash' | 'verify'>; foreignHash: typeof passlibPbkdf2Sha256 }
} {
  const work: string[] = []
  const verify: typeof argon2.verify = (hash, ...rest) => {
    work.push(`argon2 ${/m=\d+,t=\d+,p=\d+/.exec(String(hash))?.[0] ?? 'unreadable'}`)
    return argon2.verify(hash, ...rest)
  }
  const verifyForeign: typeof passlibPbkdf2Sha256.verify = (typed, hash) => {
    work.push(`pbkdf2 ${hash.split('$')[2] ?? 'unreadable'}`)
    return passlibPbkdf2Sha256.verify(typed, hash)
  }
  return {
    work,
    options: {
      argon2: { ...argon2, verify },
      foreignHash: { ...passlibPbkdf2Sha256, verify: verifyForeign },
    },
  }
}

passwordHasherContract('Argon2PasswordHasher', () => ({
  hasher: new Argon2PasswordHasher(),
  withOtherParameters: new Argon2PasswordHasher(small),
  foreignHash,
}))

describe('what Argon2PasswordHasher stores', () => {
  test(
    'a password is stored as Argon2id: 19 MiB, two passes, 16 bytes salt, 32 bytes hash',
    { tags: ['SIGN-IN-1'] },
    async () => {
      const hash = await new Argon2PasswordHasher().hash(password, share)
      expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
    },
  )

  test('two hashes of the same password differ', async () => {
    const hasher = new Argon2PasswordHasher(small)
    expect(await hasher.hash(password, share)).not.toBe(await hasher.hash(password, share))
  })

  test('hashes of the Argon2 reference implementation match and are outdated', async () => {
    // From the test vectors of phc-winner-argon2 (test.c): version 19 and 16, and Argon2i.
    const vectors = [
      '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
      '$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA',
      '$argon2i$m=65536,t=2,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ',
    ]
    for (const vector of vectors) {
      const result = await new Argon2PasswordHasher().verify('password', vector as PasswordHash, false, share)
      expect(result, vector).toEqual({ matches: true, outdated: true })
    }
  })

  test('a stored hash is outdated if its hash or salt is shorter than in a new one', async () => {
    const shorter = await argon2.hash(password, {
      memoryCost: 64,
      timeCost: 1,
      parallelism: 1,
      outputLen: 16,
    })
    const hasher = new Argon2PasswordHasher(small)
    const result = await hasher.verify(password, shorter as PasswordHash, false, share)
    expect(result).toEqual({ matches: true, outdated: true })
  })
})

describe('the work of a check', () => {
  const kinds = async (): Promise<[name: string, stored: PasswordHash | undefined][]> => [
    ['of an unknown user', undefined],
    ['of a known user', await new Argon2PasswordHasher().hash(password, share)],
    ['of an imported user', (await imported()) as PasswordHash],
    ['of a corrupt hash', 'corrupt' as PasswordHash],
  ]
  /** A hash with the usual 29,000 rounds. */
  const imported = async (): Promise<string> => {
    const hash = '$pbkdf2-sha256$29000$e.99r5VS6p3zfo9RKqX0ng$ixRL/Q.IVBvKOdDwmQCR7tyV6LFZO0I9uWWqias.8oA'
    expect(await passlibPbkdf2Sha256.verify('correct horse battery staple', hash)).toBe(true)
    return hash
  }
  const typings = [password, 'correct horse battery staple', 'wrong', '', 'not a\0password', 'x'.repeat(5000)]

  test(
    'every password check is one Argon2 and one PBKDF2 while imported hashes are in use',
    { tags: ['SIGN-IN-12'] },
    async () => {
      for (const [name, stored] of await kinds()) {
        for (const typed of typings) {
          const { work, options } = observed()
          await new Argon2PasswordHasher(options).verify(typed, stored, true, share)
          expect(work, `${name}, "${typed.slice(0, 20)}"`).toEqual(['argon2 m=19456,t=2,p=1', 'pbkdf2 29000'])
        }
      }
    },
  )

  test('every password check is one Argon2 and nothing else without imported hashes', async () => {
    for (const [name, stored] of (await kinds()).filter(([name]) => name !== 'of an imported user')) {
      for (const typed of typings) {
        const { work, options } = observed()
        await new Argon2PasswordHasher(options).verify(typed, stored, false, share)
        expect(work, `${name}, "${typed.slice(0, 20)}"`).toEqual(['argon2 m=19456,t=2,p=1'])
      }
    }
  })

  test('the check of an unknown user has the configured cost', async () => {
    const { work, options } = observed()
    await new Argon2PasswordHasher({ ...options, memoryKib: 128, passes: 3, parallelism: 2 }).verify(
      'x',
      undefined,
      false,
      share,
    )
    expect(work).toEqual(['argon2 m=128,t=3,p=2'])
  })

  test('a stored hash with an absurd cost never gets that work done', { tags: ['SIGN-IN-4'] }, async () => {
    const real = await new Argon2PasswordHasher().hash(password, share)
    const absurd = [
      ['m=19456', 'm=65537'],
      ['m=19456', 'm=4294967295'],
      ['t=2', 't=11'],
      ['t=2', 't=4294967295'],
      ['p=1', 'p=9'],
      ['p=1', 'p=255'],
    ] as const
    for (const [usual, asked] of absurd) {
      const { work, options } = observed()
      const hasher = new Argon2PasswordHasher(options)
      const result = await hasher.verify(password, real.replace(usual, asked) as PasswordHash, false, share)
      expect(result).toEqual({ matches: false, outdated: false })
      expect(work, asked).toEqual(['argon2 m=19456,t=2,p=1'])
    }
  })

  test('a stored hash may cost more than the limit if new hashes do', async () => {
    const hasher = new Argon2PasswordHasher({ memoryKib: 65_544, passes: 11, parallelism: 9 })
    const stored = await hasher.hash(password, share)
    expect(await hasher.verify(password, stored, false, share)).toEqual({ matches: true, outdated: false })
  })

  test('a stored hash with an absurdly short or long output never matches', async () => {
    const { work, options } = observed()
    const hasher = new Argon2PasswordHasher({ ...options, ...small })
    const guessable = await argon2.hash(password, {
      memoryCost: 128,
      timeCost: 1,
      parallelism: 1,
      outputLen: 8,
    })
    const endless = await argon2.hash(password, {
      memoryCost: 128,
      timeCost: 1,
      parallelism: 1,
      outputLen: 1000,
    })
    for (const stored of [guessable, endless]) {
      expect((await hasher.verify(password, stored as PasswordHash, false, share)).matches).toBe(false)
    }
    expect(work).toEqual(['argon2 m=64,t=1,p=1', 'argon2 m=64,t=1,p=1'])
  })
})

describe('a damaged stored hash', () => {
  test('a damaged stored hash never matches and never throws', async () => {
    const { options } = observed()
    const hasher = new Argon2PasswordHasher({ ...small, ...options })
    const stored = await hasher.hash(password, share)
    const position = fc.nat({ max: stored.length - 1 })
    const damage = fc.tuple(position, fc.nat({ max: 1 }), fc.string({ unit: 'binary-ascii', maxLength: 2 }))
    await fc.assert(
      fc.asyncProperty(damage, async ([at, lost, added]) => {
        const damaged = stored.slice(0, at) + added + stored.slice(at + lost)
        // The parser accepts this one change. Parameters, salt and hash stay the same.
        fc.pre(damaged !== stored && !damaged.includes('p=1,$'))
        expect((await hasher.verify(password, damaged as PasswordHash, true, share)).matches, damaged).toBe(
          false,
        )
      }),
      { numRuns: 300 },
    )
  })
})

describe('a burst of password checks', () => {
  /** Argon2 that ends on command, and the most runs that were in progress at the same time. */
  function held(): {
    argon2: Pick<typeof argon2, 'hash' | 'verify'>
    begun: () => number
    most: () => number
    endOne: () => void
  } {
    const ends: (() => void)[] = []
    let begun = 0
    let running = 0
    let most = 0
    const hold = async <T>(result: T): Promise<T> => {
      begun += 1
      running += 1
      most = Math.max(most, running)
      await new Promise<void>((resolve) => ends.push(resolve))
      running -= 1
      return result
    }
    return {
      argon2: { hash: () => hold('$argon2id$'), verify: () => hold(false) },
      begun: () => begun,
      most: () => most,
      endOne: () => ends.shift()?.(),
    }
  }
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

  test(
    'of 50 password checks two run, eight wait, and the others are refused with a retry time',
    { tags: ['SIGN-IN-3'] },
    async () => {
      const { argon2, begun, most, endOne } = held()
      const hasher = new Argon2PasswordHasher({ argon2, slots: 2, queueLimit: 8 })
      const burst = Array.from({ length: 50 }, (_, i) =>
        i % 2 === 0 ? hasher.hash(password, share) : hasher.verify('typed', undefined, false, share),
      )
      const outcomes = Promise.allSettled(burst)
      await settled()
      expect(begun()).toBe(2)
      for (let ended = 0; ended < 10; ended += 1) {
        endOne()
        await settled()
      }
      const refusals = (await outcomes).filter((outcome) => outcome.status === 'rejected')
      expect(refusals).toHaveLength(40)
      for (const { reason } of refusals) {
        expect(reason).toBeInstanceOf(ApplicationError)
        expect(reason).toMatchObject({ code: 'overloaded', details: { retryAfterSeconds: 1 } })
      }
      expect([begun(), most()]).toEqual([10, 2])
    },
  )

  test('the two hashes of an imported user are checked in one slot', async () => {
    const { argon2, most, begun, endOne } = held()
    let foreignRunning = 0
    let mostTogether = 0
    const foreignHash = {
      ...passlibPbkdf2Sha256,
      verify: async () => {
        foreignRunning += 1
        mostTogether = Math.max(mostTogether, foreignRunning)
        await settled()
        foreignRunning -= 1
        return false
      },
    }
    const hasher = new Argon2PasswordHasher({ argon2, foreignHash, slots: 1, queueLimit: 8 })
    const burst = Promise.all(Array.from({ length: 5 }, () => hasher.verify('typed', undefined, true, share)))
    for (let ended = 0; ended < 5; ended += 1) {
      await settled()
      expect(begun()).toBe(ended + 1)
      endOne()
      await settled()
      expect(begun()).toBe(ended + 1)
      await settled()
    }
    await burst
    expect([most(), mostTogether]).toEqual([1, 1])
  })

  test('a failure of Argon2 frees its slot', async () => {
    const failing = { ...argon2, verify: () => Promise.reject(new Error('out of memory')) }
    const hasher = new Argon2PasswordHasher({ ...small, argon2: failing, slots: 1, queueLimit: 0 })
    await expect(hasher.verify('typed', undefined, false, share)).rejects.toThrow('out of memory')
    expect(await hasher.hash(password, share)).toMatch(/^\$argon2id\$/)
  })
})
