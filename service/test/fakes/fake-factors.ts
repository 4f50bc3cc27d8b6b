import type { Factors, FactorsInTransaction } from '../../src/application/ports/factors.ts'
import { STEPS_AHEAD } from '../../src/domain/second-factor.ts'
import type { InTurn, Read, World } from './fake-world.ts'

export const fakeFactors = (read: Read, inTurn: InTurn): Factors => ({
  find: (userId) =>
    read(({ totp, recoveryCodes }) => ({
      totpAddedAt: totp.get(userId)?.confirmedAt,
      recoveryCodesLeft: recoveryCodes.get(userId)?.length ?? 0,
    })),

  encryptedWith: (keyIds, limit) =>
    read(({ totp }) =>
      [...totp]
        .filter(([, { secret }]) => keyIds.some((id) => secret.startsWith(id)))
        .slice(0, limit)
        .map(([userId, { secret }]) => [userId, secret] as const),
    ),

  reencrypt: (userId, old, renewed) =>
    inTurn(({ totp }) => {
      const stored = totp.get(userId)
      if (stored?.secret === old) totp.set(userId, { ...stored, secret: renewed })
    }),
})

export function fakeFactorsInTransaction({ totp, recoveryCodes }: World): FactorsInTransaction {
  const soon = <T>(step: () => T): Promise<T> => Promise.resolve().then(step)
  return {
    totpOf: (userId) =>
      soon(() => {
        const stored = totp.get(userId)
        if (stored === undefined) return undefined
        const { secret, createdAt, confirmedAt } = stored
        return { secret, createdAt, confirmedAt }
      }),
    addPendingTotp: (userId, secret, now) =>
      soon(() => {
        totp.set(userId, { secret, createdAt: now, confirmedAt: undefined, lastStep: 0 })
      }),
    confirmTotp: (userId, step, now) =>
      soon(() => {
        const stored = totp.get(userId)
        if (stored !== undefined) totp.set(userId, { ...stored, confirmedAt: now, lastStep: step })
      }),
    useStep: (userId, step) =>
      soon(() => {
        const stored = totp.get(userId)
        if (stored === undefined) return false
        if (stored.lastStep >= step && stored.lastStep <= step + STEPS_AHEAD) return false
        totp.set(userId, { ...stored, lastStep: step })
        return true
      }),
    replaceRecoveryCodes: (userId, codes) =>
      soon(() => {
        recoveryCodes.set(userId, codes)
      }),
    spendRecoveryCode: (userId, code) =>
      soon(() => {
        const codes = recoveryCodes.get(userId) ?? []
        recoveryCodes.set(
          userId,
          codes.filter((each) => each !== code),
        )
        return codes.includes(code)
      }),
    removeAll: (userId) =>
      soon(() => {
        totp.delete(userId)
        recoveryCodes.delete(userId)
      }),
  }
}
