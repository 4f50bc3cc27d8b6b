import { beforeAll, describe, expect, test } from 'vitest'
import type { PasswordHasher } from '../../src/application/ports/password-hasher.ts'
import { parseNewPassword, type PasswordHash } from '../../src/domain/password.ts'

export interface PasswordHasherSubject {
  readonly hasher: PasswordHasher
  /** The same kind of hasher with other parameters. */
  readonly withOtherParameters: PasswordHasher
  /** A hash of another kind, and the password as it was typed when that was made: `ge\u0308heim`. */
  readonly foreignHash: PasswordHash
}

const password = parseNewPassword('Grüße aus Köln', 8)
const refused = { matches: false, outdated: false }

/** What every PasswordHasher does. `make` is called once. */
export const passwordHasherContract = (name: string, make: () => PasswordHasherSubject): void => {
  describe(`${name} keeps the PasswordHasher contract`, () => {
    let subject: PasswordHasherSubject
    let hasher: PasswordHasher
    let stored: PasswordHash

    beforeAll(async () => {
      subject = make()
      hasher = subject.hasher
      stored = await hasher.hash(password)
    })

    test('there is room for a password while none is being hashed', async () => {
      hasher.requireRoom()
      await hasher.verify(password, stored, false)
      hasher.requireRoom()
    })

    test('a hash matches its password and needs no replacement', async () => {
      expect(await hasher.verify(password, stored, false)).toEqual({ matches: true, outdated: false })
      expect(await hasher.verify(password, stored, true)).toEqual({ matches: true, outdated: false })
    })

    test('a hash matches no other password: not in another case, longer, shorter or empty', async () => {
      const others = [
        password.toLowerCase(),
        `${password} `,
        ` ${password}`,
        password.slice(0, -1),
        '',
        stored,
      ]
      for (const typed of others) expect(await hasher.verify(typed, stored, true), typed).toEqual(refused)
    })

    test('a password typed with its accents apart or with other spaces is the same', async () => {
      const typed = password.normalize('NFD').replaceAll(' ', '\u00A0')
      expect(typed).not.toBe(password)
      expect(await hasher.verify(typed, stored, false)).toEqual({ matches: true, outdated: false })
    })

    test('a long password counts to its last character', async () => {
      const long = parseNewPassword('🐢'.repeat(127) + 'a', 8)
      const hash = await hasher.hash(long)
      expect((await hasher.verify(long, hash, false)).matches).toBe(true)
      expect((await hasher.verify('🐢'.repeat(127) + 'b', hash, false)).matches).toBe(false)
    })

    test('nothing matches where there is no stored hash', async () => {
      for (const typed of [password, '']) {
        expect(await hasher.verify(typed, undefined, false)).toEqual(refused)
        expect(await hasher.verify(typed, undefined, true)).toEqual(refused)
      }
    })

    test('what no password can be matches nothing and throws nothing', async () => {
      for (const typed of ['a\0b', '\ud83d', 'x'.repeat(100_000)]) {
        expect(await hasher.verify(typed, stored, true)).toEqual(refused)
        expect(await hasher.verify(typed, undefined, true)).toEqual(refused)
      }
    })

    test('a hash with other parameters matches and should be replaced', async () => {
      const other = await subject.withOtherParameters.hash(password)
      expect(await hasher.verify(password, other, false)).toEqual({ matches: true, outdated: true })
      expect(await hasher.verify('another password', other, false)).toEqual(refused)
    })

    test('a foreign hash matches the password as it was typed and should be replaced', async () => {
      const { foreignHash } = subject
      expect(await hasher.verify('ge\u0308heim', foreignHash, true)).toEqual({
        matches: true,
        outdated: true,
      })
      expect(await hasher.verify('g\u00EBheim', foreignHash, true)).toEqual(refused)
      expect(await hasher.verify('', foreignHash, true)).toEqual(refused)
    })

    test('a foreign hash that came after one was last looked for still matches', async () => {
      const { foreignHash } = subject
      expect(await hasher.verify('ge\u0308heim', foreignHash, false)).toEqual({
        matches: true,
        outdated: true,
      })
    })

    test('a corrupt stored hash matches nothing and throws nothing', async () => {
      const corrupt = [
        '',
        'x',
        password,
        stored.slice(0, 20),
        `$${stored}`,
        subject.foreignHash.slice(0, -1),
        '$$$$$',
      ]
      for (const hash of corrupt)
        expect(await hasher.verify(password, hash as PasswordHash, true), hash).toEqual(refused)
    })
  })
}
