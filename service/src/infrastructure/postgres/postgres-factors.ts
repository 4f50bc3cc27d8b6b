import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import type {
  Factors,
  FactorsInTransaction,
  OwnFactors,
  StoredTotp,
} from '../../application/ports/factors.ts'
import type { EncryptedTotpSecret } from '../../application/ports/totp-secrets.ts'
import type { RecoveryCode } from '../../domain/recovery-code.ts'
import { STEPS_AHEAD } from '../../domain/second-factor.ts'
import type { UserId } from '../../domain/user.ts'
import type { Database } from './database.ts'

export class PostgresFactors implements Factors, FactorsInTransaction {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  async find(userId: UserId): Promise<OwnFactors> {
    const { rows } = await sql<{ totpAddedAt: Date | null; recoveryCodesLeft: number }>`
      select
        (select confirmed_at from totp_secrets where user_id = ${userId}) as "totpAddedAt",
        (select count(*)::int from recovery_codes where user_id = ${userId}) as "recoveryCodesLeft"`.execute(
      this.#db,
    )
    const [row] = rows
    return { totpAddedAt: row?.totpAddedAt ?? undefined, recoveryCodesLeft: row?.recoveryCodesLeft ?? 0 }
  }

  async encryptedWith(
    keyIds: readonly string[],
    limit: number,
  ): Promise<readonly (readonly [UserId, EncryptedTotpSecret])[]> {
    if (keyIds.length === 0) return []
    const { rows } = await sql<{ user_id: number; secret: string }>`
      select user_id, secret from totp_secrets where left(secret, 8) = any(${keyIds}) limit ${limit}`.execute(
      this.#db,
    )
    return rows.map(({ user_id, secret }) => [user_id as UserId, secret as EncryptedTotpSecret])
  }

  async reencrypt(userId: UserId, old: EncryptedTotpSecret, renewed: EncryptedTotpSecret): Promise<void> {
    const update = this.#db.updateTable('totp_secrets').set({ secret: renewed })
    await update.where('user_id', '=', userId).where('secret', '=', old).execute()
  }

  async totpOf(userId: UserId): Promise<StoredTotp | undefined> {
    const row = await this.#db
      .selectFrom('totp_secrets')
      .select(['secret', 'created_at', 'confirmed_at'])
      .where('user_id', '=', userId)
      .executeTakeFirst()
    return (
      row && {
        secret: row.secret as EncryptedTotpSecret,
        createdAt: row.created_at,
        confirmedAt: row.confirmed_at ?? undefined,
      }
    )
  }

  async addPendingTotp(userId: UserId, secret: EncryptedTotpSecret, now: Date): Promise<void> {
    const pending = { secret, created_at: now, confirmed_at: null, last_step: 0 }
    await this.#db
      .insertInto('totp_secrets')
      .values({ user_id: userId, ...pending })
      .onConflict((conflict) => conflict.column('user_id').doUpdateSet(pending))
      .execute()
  }

  async confirmTotp(userId: UserId, step: number, now: Date): Promise<void> {
    const update = this.#db.updateTable('totp_secrets').set({ confirmed_at: now, last_step: step })
    await update.where('user_id', '=', userId).execute()
  }

  async useStep(userId: UserId, step: number): Promise<boolean> {
    const update = this.#db.updateTable('totp_secrets').set({ last_step: step })
    const { numUpdatedRows } = await update
      .where('user_id', '=', userId)
      .where((eb) => eb.or([eb('last_step', '<', step), eb('last_step', '>', step + STEPS_AHEAD)]))
      .executeTakeFirstOrThrow()
    return numUpdatedRows === 1n
  }

  async replaceRecoveryCodes(userId: UserId, codes: readonly RecoveryCode[]): Promise<void> {
    await this.#removeRecoveryCodes(userId)
    const rows = codes.map((code) => ({ user_id: userId, hash: hashOf(userId, code) }))
    await this.#db.insertInto('recovery_codes').values(rows).execute()
  }

  async spendRecoveryCode(userId: UserId, code: RecoveryCode): Promise<boolean> {
    const removal = this.#db.deleteFrom('recovery_codes').where('user_id', '=', userId)
    const { numDeletedRows } = await removal
      .where('hash', '=', hashOf(userId, code))
      .executeTakeFirstOrThrow()
    return numDeletedRows === 1n
  }

  async removeAll(userId: UserId): Promise<void> {
    await this.#db.deleteFrom('totp_secrets').where('user_id', '=', userId).execute()
    await this.#removeRecoveryCodes(userId)
  }

  async #removeRecoveryCodes(userId: UserId): Promise<void> {
    await this.#db.deleteFrom('recovery_codes').where('user_id', '=', userId).execute()
  }
}

/** A code has 120 random bits, so a plain hash is enough: nobody can try them all (ASVS 6.5.2). */
const hashOf = (userId: UserId, code: RecoveryCode): Buffer =>
  createHash('sha256').update(`recovery code ${userId} ${code}`).digest()
