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
const share = ['strangers', '192.0.2.1/32', 'sign-in:anna']
const refused = { matches: false, outdated: false }

export const passwordHasherContract = (name: string, make: () => PasswordHasherSubject): void => {
  describe(`${name} keeps the PasswordHasher contract`, () => {
    let subject: PasswordHasherSubject
    let hasher: PasswordHasher
    let stored: PasswordHash

    beforeAll(async () => {
      subject = make()
      hasher = subject.hasher
      stored = await hasher.hash(password, share)
    })

    test('the hasher has room for a password while it hashes none', async () => {
      hasher.requireCapacity()
      await hasher.verify(password, stored, false, share)
      hasher.requireCapacity()
    })

    test('a hash matches its password and needs no replacement', async () => {
      expect(await hasher.verify(password, stored, false, share)).toEqual({ matches: true, outdated: false })
      expect(await hasher.verify(password, stored, true, share)).toEqual({ matches: true, outdated: false })
    })

    test('a hash does not match a password in another case, longer, shorter or empty', async () => {
      const others = [
        password.toLowerCase(),
        `${password} `,
        ` ${password}`,
        password.slice(0, -1),
        '',
        stored,
      ]
      for (const typed of others)
        expect(await hasher.verify(typed, stored, true, share), typed).toEqual(refused)
    })

    test('a password with decomposed accents or other spaces is the same password', async () => {
      const typed = password.normalize('NFD').replaceAll(' ', '\u00A0')
      expect(typed).not.toBe(password)
      expect(await hasher.verify(typed, stored, false, share)).toEqual({ matches: true, outdated: false })
    })

    test('a long password is compared to its last character', async () => {
      const long = parseNewPassword('🐢'.repeat(127) + 'a', 8)
      const hash = await hasher.hash(long, share)
      expect((await hasher.verify(long, hash, false, share)).matches).toBe(true)
      expect((await hasher.verify('🐢'.repeat(127) + 'b', hash, false, share)).matches).toBe(false)
    })

    test('no password matches if there is no stored hash', async () => {
      for (const typed of [password, '']) {
        expect(await hasher.verify(typed, undefined, false, share)).toEqual(refused)
        expect(await hasher.verify(typed, undefined, true, share)).toEqual(refused)
      }
    })

    test('an impossible password does not match and does not throw', async () => {
      for (const typed of ['a\0b', '\ud83d', 'x'.repeat(100_000)]) {
        expect(await hasher.verify(typed, stored, true, share)).toEqual(refused)
        expect(await hasher.verify(typed, undefined, true, share)).toEqual(refused)
      }
    })

    test('a hash with other parameters matches and should be replaced', async () => {
      const other = await subject.withOtherParameters.hash(password, share)
      expect(await hasher.verify(password, other, false, share)).toEqual({ matches: true, outdated: true })
      expect(await hasher.verify('another password', other, false, share)).toEqual(refused)
    })

    test('a foreign hash matches the password as it was typed, and should be replaced', async () => {
      const { foreignHash } = subject
      expect(await hasher.verify('ge\u0308heim', foreignHash, true, share)).toEqual({
        matches: true,
        outdated: true,
      })
      expect(await hasher.verify('g\u00EBheim', foreignHash, true, share)).toEqual(refused)
      expect(await hasher.verify('', foreignHash, true, share)).toEqual(refused)
    })

    test('a foreign hash that was stored after the last check for one still matches', async () => {
      const { foreignHash } = subject
      expect(await hasher.verify('ge\u0308heim', foreignHash, false, share)).toEqual({
        matches: true,
        outdated: true,
      })
    })

    test('a corrupt stored hash does not match and does not throw', async () => {
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
        expect(await hasher.verify(password, hash as PasswordHash, true, share), hash).toEqual(refused)
    })
  })
}
