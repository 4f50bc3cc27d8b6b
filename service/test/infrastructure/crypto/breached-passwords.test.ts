import { beforeAll, describe, expect, test } from 'vitest'
import { parseNewPassword } from '../../../src/domain/password.ts'
import { BreachedPasswords } from '../../../src/infrastructure/crypto/breached-passwords.ts'
import { ZxcvbnScoring } from '../../../src/infrastructure/crypto/zxcvbn-scoring.ts'

let breached: BreachedPasswords
beforeAll(async () => {
  breached = await BreachedPasswords.load()
})

/** From all parts of the list. Neither zxcvbn nor its lists refuse them. */
const samples = (
  'cnfdhjgjkm k7b31a51 9999346936 qjf72nsb gildeeva 989lex61 wilbrand rwp94880 papelera matroshka krhukxgd H6naU2AM ' +
  'deanoldg benaldio aaboerne 4jIAhn2h zwbhurzb ZLNWCERG zdraveee za15zz18 youmensun3 yipVQj4n yeorung1146 xyivam11 ' +
  'xulyujrq xctrack2 x3742df3g wurqob15 wig2star we650979 WaCY6NST vyjujltnyfz voyybill vlzkcb12'
).split(' ')

describe('the breached passwords', () => {
  test('breached passwords are found in capital and small letters', { tags: ['SIGN-IN-7'] }, () => {
    const typed = samples.flatMap((password) => [password, password.toUpperCase(), password.toLowerCase()])
    expect(typed.filter((password) => !breached.has(password))).toEqual([])
  })

  test('at most three of 100,000 passwords that nobody uses are found', { tags: ['SIGN-IN-8'] }, () => {
    const unused = Array.from({ length: 100_000 }, (_, index) => `${index}#unused/${index * 7919}`)
    expect(unused.filter((password) => breached.has(password)).length).toBeLessThanOrEqual(3)
  })

  test(
    'breached passwords that follow no pattern are refused as too common',
    { tags: ['SIGN-IN-7'] },
    async () => {
      const strength = await ZxcvbnScoring.load()
      const codes = samples.map(
        (password) => strength.objection(parseNewPassword(password, 8), { personal: [], service: [] })?.code,
      )
      expect(codes).toEqual(samples.map(() => 'too_common'))
    },
  )
})
