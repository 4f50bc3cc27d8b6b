import { sql, type Selectable } from 'kysely'
import type { SigningKeysLocked, SigningKeyStore } from '../../application/ports/signing-keys.ts'
import type { SigningAlgorithm, SigningKey } from '../../domain/signing-key.ts'
import { SYSTEM, type Actor } from '../../domain/actor.ts'
import { takeAdvisoryLock } from './advisory-locks.ts'
import type { Database } from './database.ts'
import { recordChanges } from './record-changes.ts'
import type { Schema } from './schema.ts'
import { requireOneRow } from './affected-rows.ts'

export class PostgresSigningKeys implements SigningKeyStore {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  all(): Promise<readonly SigningKey[]> {
    return allKeys(this.#db)
  }

  /** Every token signed so far is refused from now on. */
  async removeAll(now: Date): Promise<void> {
    await sql`
      with removed as (delete from signing_keys returning kid), changed as (select count(*) as count from removed)
      ${recordChanges(SYSTEM, 'signing_keys.removed', now, sql`jsonb_build_object('count', count)`)}`.execute(
      this.#db,
    )
  }

  exclusively<T>(work: (keys: SigningKeysLocked) => Promise<T>): Promise<T> {
    return this.#db.transaction().execute(async (db) => {
      await takeAdvisoryLock(db, 'signingKeys')
      return work(new LockedKeys(db))
    })
  }
}

class LockedKeys implements SigningKeysLocked {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  all(): Promise<readonly SigningKey[]> {
    return allKeys(this.#db)
  }

  async add(key: SigningKey, by: Actor, now: Date): Promise<void> {
    const added = this.#db
      .insertInto('signing_keys')
      .values({
        kid: key.kid,
        algorithm: key.algorithm,
        public_jwk: JSON.stringify(key.publicJwk),
        sealed_private_key: key.encryptedPrivateKey,
        signs_from: key.signsFrom,
        signs_until: key.signsUntil,
        published_until: key.publishedUntil,
      })
      .returning(['kid', 'algorithm', 'signs_from'])
    const data = sql`jsonb_build_object('kid', kid, 'algorithm', algorithm, 'signs_from', signs_from)`
    await sql`
      with changed as (${added}) ${recordChanges(by, 'signing_key.created', now, data)}`.execute(this.#db)
  }

  async reencrypt(kid: string, encryptedPrivateKey: string): Promise<void> {
    const query = this.#db.updateTable('signing_keys').set({ sealed_private_key: encryptedPrivateKey })
    requireOneRow((await query.where('kid', '=', kid).executeTakeFirstOrThrow()).numUpdatedRows)
  }

  async removePublishedUntil(now: Date): Promise<void> {
    await this.#db.deleteFrom('signing_keys').where('published_until', '<=', now).execute()
  }
}

async function allKeys(db: Database): Promise<readonly SigningKey[]> {
  const rows = await db.selectFrom('signing_keys').selectAll().orderBy('signs_from').execute()
  return rows.map(toKey)
}

const toKey = (row: Selectable<Schema['signing_keys']>): SigningKey => ({
  kid: row.kid,
  algorithm: row.algorithm as SigningAlgorithm,
  publicJwk: row.public_jwk,
  encryptedPrivateKey: row.sealed_private_key,
  signsFrom: row.signs_from,
  signsUntil: row.signs_until,
  publishedUntil: row.published_until,
})
