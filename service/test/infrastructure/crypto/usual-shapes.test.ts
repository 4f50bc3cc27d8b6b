import { beforeAll, describe, expect, test } from 'vitest'
import { parseNewPassword } from '../../../src/domain/password.ts'
import { ZxcvbnScoring } from '../../../src/infrastructure/crypto/zxcvbn-scoring.ts'

let strength: ZxcvbnScoring
beforeAll(async () => {
  strength = await ZxcvbnScoring.load()
})

const acceptedOf = (passwords: readonly string[]): string[] =>
  passwords.filter(
    (password) =>
      strength.objection(parseNewPassword(password, 1), { personal: [], service: [] }) === undefined,
  )

const listOf = (words: string): readonly string[] => words.split(' ')
const additions = ['2025!', '@1234', '#2024', '_12345', '!!2026', '123!']
const withAdditions = (words: readonly string[]): string[] =>
  words.flatMap((word) => additions.map((added) => word + added)).filter(({ length }) => length >= 8)

describe('a password of one usual word with digits and symbols is refused', () => {
  test.each([
    ['seasons', 'Spring Summer Autumn Winter Frühling Sommer Herbst Printemps Hiver Primavera Inverno Лето'],
    ['months', 'January March October Januar März Oktober Janvier Août Enero Diciembre Gennaio Junho'],
    ['days', 'Monday Friday Sunday Montag Freitag Lundi Vendredi Lunes Domingo Lunedì Sabato Mittwoch'],
    ['keyboard walks', 'Asdf Qwerty Zxcv Qwertz Yxcv Azerty Wxcvbn Poiu Lkjh Asdfg Qwer Йцук'],
    ['runs and repeats', 'Abcd Abcde Aaaa Zzzz Cdef Abcabc Wxyz Dcba Bbbbb Mnop Ffff Qqqq'],
    ['names', 'Michael Jessica Daniel Ashley Thomas Jordan Charlie Hannah Robert Andrea Martin George'],
    ['clubs, places and words', 'Liverpool Arsenal London Dragon Monkey Football Welcome Pass Test Hello'],
    [
      'words for a password',
      'Passwort Kennwort Motdepasse Contraseña Senha Wachtwoord Hasło Пароль Chatauth',
    ],
  ])('%s with digits and symbols are refused as passwords', { tags: ['SIGN-IN-7'] }, (_kind, words) => {
    const shapes = withAdditions(listOf(words))
    expect(shapes.length).toBeGreaterThanOrEqual(50)
    expect(acceptedOf(shapes)).toEqual([])
  })

  test('additions before the word are refused, too', { tags: ['SIGN-IN-7'] }, () => {
    expect(acceptedOf(listOf('2025Spring! 1234@Abcd !!Asdf2024 01Montag!! #Chatauth1'))).toEqual([])
  })
})

test('good passphrases and random passwords are accepted', { tags: ['SIGN-IN-8'] }, () => {
  const good = listOf(
    'plum-kettle-orbit-91 maple-otter-ridge kq7vwpx2 x9K!m2Qz violet-hammer42 zK4$ruby9Q mountain2025glacier ' +
      'spring-lantern-cobalt-7 herbst+nebel+krug abcd-marble-thistle Wq8#tRb2x 7fpLm@kd9',
  )
  expect(acceptedOf(good)).toEqual(good)
})

test('an unknown word with digits is left to the other checks', { tags: ['SIGN-IN-8'] }, () => {
  expect(acceptedOf(['Vraxolde2025!', 'spring2025!202520252'])).toContain('Vraxolde2025!')
})
