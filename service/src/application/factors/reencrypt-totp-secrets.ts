import type { Factors } from '../ports/factors.ts'
import type { TotpSecrets } from '../ports/totp-secrets.ts'

interface ReencryptTotpSecretsDeps {
  readonly factors: Factors
  readonly totpSecrets: TotpSecrets
}

/**
 * Encrypts up to `limit` secrets of an earlier AUTH_SECRET with the current one, so that the earlier one can be dropped. Returns
 * how many.
 */
export const reencryptTotpSecrets =
  ({ factors, totpSecrets }: ReencryptTotpSecretsDeps) =>
  async (limit: number): Promise<number> => {
    let count = 0
    for (const [userId, secret] of await factors.encryptedWith(totpSecrets.previousKeyIds, limit)) {
      const renewed = totpSecrets.reencrypt(secret, userId)
      if (renewed === undefined) continue
      await factors.reencrypt(userId, secret, renewed)
      count += 1
    }
    return count
  }
