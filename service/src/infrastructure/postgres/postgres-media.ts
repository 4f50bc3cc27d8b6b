import type { Media, MediaInTransaction } from '../../application/ports/media.ts'
import type { Avatar, AvatarSize } from '../../domain/avatar.ts'
import type { UserId } from '../../domain/user.ts'
import type { Database } from './database.ts'

const COLUMNS = { 512: 'large', 128: 'small' } as const satisfies Record<AvatarSize, string>

export class PostgresMedia implements Media, MediaInTransaction {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  async find(name: string, size: AvatarSize): Promise<Uint8Array | undefined> {
    // PostgreSQL cannot store U+0000 in text, so no picture has such a name.
    if (name.includes('\0')) return undefined
    const row = await this.#db
      .selectFrom('avatars')
      .select(`${COLUMNS[size]} as bytes`)
      .where('name', '=', name)
      .limit(1)
      .executeTakeFirst()
    return row?.bytes
  }

  async put(userId: UserId, { name, pictures }: Avatar): Promise<void> {
    const content = { name, large: Buffer.from(pictures[512]), small: Buffer.from(pictures[128]) }
    await this.#db
      .insertInto('avatars')
      .values({ user_id: userId, ...content })
      .onConflict((conflict) => conflict.column('user_id').doUpdateSet(content))
      .execute()
  }

  async remove(userId: UserId): Promise<void> {
    await this.#db.deleteFrom('avatars').where('user_id', '=', userId).execute()
  }
}
