import { sql } from 'kysely'
import type { CheckedProof } from '../../application/ports/proof-of-work.ts'
import type { SpentProofs } from '../../application/ports/spent-proofs.ts'
import { affectedRows } from './affected-rows.ts'
import type { Database } from './database.ts'

export class PostgresSpentProofs implements SpentProofs {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  async spend({ id, expiresAt }: CheckedProof): Promise<boolean> {
    const query = sql`insert into spent_proofs (id, expires_at) values (${Buffer.from(id)}, ${expiresAt}) on conflict do nothing`
    return affectedRows(await query.execute(this.#db)) === 1
  }

  async removeExpired(now: Date, limit: number): Promise<number> {
    const query = sql`
      with old as (
        select id from spent_proofs where expires_at <= ${now}
        order by expires_at limit ${limit} for update skip locked
      )
      delete from spent_proofs using old where spent_proofs.id = old.id`
    return affectedRows(await query.execute(this.#db))
  }
}
