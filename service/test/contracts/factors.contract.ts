import { beforeEach, expect, test } from 'vitest'
import type { EncryptedTotpSecret } from '../../src/application/ports/totp-secrets.ts'
import type { RecoveryCode } from '../../src/domain/recovery-code.ts'
import { STEPS_AHEAD } from '../../src/domain/second-factor.ts'
import { addFactor, type User } from '../../src/domain/user.ts'
import { at } from '../support/builders.ts'
import { describeContract } from './describe-contract.ts'
import { addUser, inTransaction, type Store } from './store.ts'

const secret = (text: string) => text as EncryptedTotpSecret
const codes = [1, 2, 3].map((number) => String(number).padStart(24, '0')) as RecoveryCode[]
const [first, second] = codes as [RecoveryCode, RecoveryCode]

export const factorsContract = describeContract('Factors', (store: Store) => {
  let anna: User
  let bert: User

  beforeEach(async () => {
    anna = await addUser(store, 'anna')
    bert = await addUser(store, 'bert')
  })

  const changing = <T>(user: User, work: Parameters<typeof inTransaction<T>>[1]): Promise<T> =>
    inTransaction(store, async (tx) => {
      await tx.users.lock(user.id)
      return work(tx)
    })
  const pend = (user: User, text: string, seconds = 0) =>
    changing(user, (tx) => tx.factors.addPendingTotp(user.id, secret(text), at(seconds)))
  const confirm = (user: User, step: number) =>
    changing(user, (tx) => tx.factors.confirmTotp(user.id, step, at(9)))
  const useStep = (user: User, step: number) => changing(user, (tx) => tx.factors.useStep(user.id, step))
  const replaceCodes = (user: User) => changing(user, (tx) => tx.factors.replaceRecoveryCodes(user.id, codes))
  const spend = (user: User, code: RecoveryCode) =>
    changing(user, (tx) => tx.factors.spendRecoveryCode(user.id, code))
  const totpOf = (user: User) => changing(user, (tx) => tx.factors.totpOf(user.id))

  test('the kinds of factors and their version are kept with the user', async () => {
    const added = addFactor(anna, 'totp')
    await changing(anna, (tx) => tx.users.save(added))
    expect(await store.users.find(anna.id)).toEqual({ ...anna, factors: ['totp'], factorsVersion: 2 })
  })

  test('a pending secret is not a factor, and a new one takes its place', async () => {
    await pend(anna, 'key00001.one')
    await pend(anna, 'key00001.two', 5)
    expect(await totpOf(anna)).toEqual({
      secret: 'key00001.two',
      createdAt: at(5),
      confirmedAt: undefined,
    })
    expect(await store.factors.find(anna.id)).toEqual({ totpAddedAt: undefined, recoveryCodesLeft: 0 })
    expect(await totpOf(bert)).toBeUndefined()
  })

  test('a confirmed secret is a factor, and the code that confirmed it is used', async () => {
    await pend(anna, 'key00001.one')
    await confirm(anna, 100)
    expect(await store.factors.find(anna.id)).toEqual({ totpAddedAt: at(9), recoveryCodesLeft: 0 })
    expect(await useStep(anna, 100)).toBe(false)
    expect(await useStep(anna, 101)).toBe(true)
  })

  test('each step is used once, and none before the last used one', { tags: ['FACTOR-2'] }, async () => {
    await pend(anna, 'key00001.one')
    await confirm(anna, 100)
    expect(await useStep(anna, 102)).toBe(true)
    for (const step of [102, 101, 100, 99]) expect(await useStep(anna, step)).toBe(false)
    expect(await useStep(anna, 103)).toBe(true)
    expect(await useStep(bert, 103)).toBe(false)
  })

  test('a clock that was far ahead and is set right refuses no codes', { tags: ['FACTOR-2'] }, async () => {
    await pend(anna, 'key00001.one')
    await confirm(anna, 100 + STEPS_AHEAD)
    expect(await useStep(anna, 100)).toBe(false)
    expect(await useStep(anna, 99)).toBe(true)
    for (const step of [99, 98]) expect(await useStep(anna, step)).toBe(false)
  })

  test('of 20 parallel uses of one step exactly one succeeds', { tags: ['FACTOR-2'] }, async () => {
    await pend(anna, 'key00001.one')
    await confirm(anna, 100)
    // Without the lock on the user: the statement alone must be enough.
    const uses = Array.from({ length: 20 }, () =>
      inTransaction(store, (tx) => tx.factors.useStep(anna.id, 101)),
    )
    expect((await Promise.all(uses)).filter(Boolean)).toHaveLength(1)
  })

  test('a recovery code is spent once, by its user only', { tags: ['FACTOR-4'] }, async () => {
    await replaceCodes(anna)
    expect(await spend(bert, first)).toBe(false)
    expect(await spend(anna, first)).toBe(true)
    expect(await spend(anna, first)).toBe(false)
    expect(await spend(anna, second)).toBe(true)
    expect(await store.factors.find(anna.id)).toMatchObject({ recoveryCodesLeft: 1 })
  })

  test('of 20 parallel uses of one recovery code exactly one succeeds', { tags: ['FACTOR-4'] }, async () => {
    await replaceCodes(anna)
    const uses = Array.from({ length: 20 }, () =>
      inTransaction(store, (tx) => tx.factors.spendRecoveryCode(anna.id, first)),
    )
    expect((await Promise.all(uses)).filter(Boolean)).toHaveLength(1)
  })

  test('a transaction that fails uses up neither step nor recovery code nor challenge', async () => {
    await pend(anna, 'key00001.one')
    await confirm(anna, 100)
    await replaceCodes(anna)
    const challenge = { id: Buffer.alloc(16, 7), expiresAt: at(300) }
    const failed = changing(anna, async (tx) => {
      const used = [
        await tx.factors.useStep(anna.id, 101),
        await tx.factors.spendRecoveryCode(anna.id, first),
        await tx.spentProofs.spend(challenge),
      ]
      throw new Error(used.join())
    })
    await expect(failed).rejects.toThrow('true,true,true')
    expect(await useStep(anna, 101)).toBe(true)
    expect(await spend(anna, first)).toBe(true)
    expect(await changing(anna, (tx) => tx.spentProofs.spend(challenge))).toBe(true)
    expect(await changing(anna, (tx) => tx.spentProofs.spend(challenge))).toBe(false)
  })

  test('a new set of recovery codes replaces the earlier one', { tags: ['FACTOR-4'] }, async () => {
    await replaceCodes(anna)
    const renewed = 'Z'.repeat(24) as RecoveryCode
    await changing(anna, (tx) => tx.factors.replaceRecoveryCodes(anna.id, [renewed]))
    expect(await spend(anna, first)).toBe(false)
    expect(await spend(anna, renewed)).toBe(true)
  })

  test('all factors of a user are removed, and those of others stay', async () => {
    for (const user of [anna, bert]) {
      await pend(user, 'key00001.one')
      await replaceCodes(user)
    }
    await changing(anna, (tx) => tx.factors.removeAll(anna.id))
    expect(await totpOf(anna)).toBeUndefined()
    expect(await spend(anna, first)).toBe(false)
    expect(await totpOf(bert)).toBeDefined()
    expect(await spend(bert, first)).toBe(true)
  })

  test('secrets of earlier keys are found and encrypted again, unless they changed since', async () => {
    await pend(anna, 'key00001.one')
    await pend(bert, 'key00002.two')
    expect(await store.factors.encryptedWith(['key00002', 'key00003'], 10)).toEqual([
      [bert.id, 'key00002.two'],
    ])
    expect(await store.factors.encryptedWith(['key00001', 'key00002'], 1)).toHaveLength(1)
    expect(await store.factors.encryptedWith([], 10)).toEqual([])
    await store.factors.reencrypt(bert.id, secret('key00002.other'), secret('key00001.three'))
    expect(await totpOf(bert)).toMatchObject({ secret: 'key00002.two' })
    await store.factors.reencrypt(bert.id, secret('key00002.two'), secret('key00001.three'))
    expect(await totpOf(bert)).toMatchObject({ secret: 'key00001.three' })
    expect(await store.factors.encryptedWith(['key00002'], 10)).toEqual([])
  })
})
