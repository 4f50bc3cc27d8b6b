import { CompiledQuery } from 'kysely'
import { ApplicationError } from '../../application/errors.ts'
import type { SignInCandidate, SignInName, Users, UsersInTransaction } from '../../application/ports/users.ts'
import type { PasswordHash } from '../../domain/password.ts'
import { looksOf } from '../../domain/skeleton.ts'
import type { NewUser, User, UserId } from '../../domain/user.ts'
import type { Database } from './database.ts'
import { prepared } from './guarded-pool.ts'
import { fromUser, toUser } from './rows.ts'
import { userColumns, type UserRow } from './schema.ts'
import { serverError } from './unavailable.ts'

/** One row whether the person exists or not, and the same look-ups. */
const FIND_FOR_SIGN_IN = prepared(
  'find_for_sign_in',
  `select ${userColumns.map((column) => `users.${column}`).join(', ')},
     exists (select from sessions where user_id = users.id and device_id = $3) as device_is_known,
     exists (select from sessions where user_id = users.id and address <<= $4::inet) as network_is_known,
     exists (select from users where password_hash not like '$argon2id$%') as foreign_hashes_in_use
   from (select) as always left join users on users.username_key = $1 or users.email_key = $2`,
)

type SignInRow = { [K in keyof UserRow]: K extends 'id' ? number | null : UserRow[K] } & {
  device_is_known: boolean
  network_is_known: boolean
  foreign_hashes_in_use: boolean
}

export class PostgresUsers implements Users, UsersInTransaction {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  async find(id: UserId): Promise<User | undefined> {
    const row = await this.#db.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst()
    return row && toUser(row)
  }

  async findForSignIn(
    { usernameKey, emailKey }: SignInName,
    { deviceId, network }: { deviceId: string | undefined; network: string },
  ): Promise<SignInCandidate> {
    const parameters = [usernameKey, emailKey, deviceId, network].map((value) => value ?? null)
    const { rows } = await this.#db.executeQuery(CompiledQuery.raw(FIND_FOR_SIGN_IN, parameters))
    const row = rows[0] as SignInRow
    const { id } = row
    return {
      user: id === null ? undefined : toUser({ ...row, id }),
      deviceIsKnown: row.device_is_known,
      networkIsKnown: row.network_is_known,
      foreignHashesInUse: row.foreign_hashes_in_use,
    }
  }

  async renewPasswordHash(id: UserId, old: PasswordHash, renewed: PasswordHash): Promise<void> {
    await this.#db
      .updateTable('users')
      .set({ password_hash: renewed })
      .where('id', '=', id)
      .where('password_hash', '=', old)
      .execute()
  }

  async lock(id: UserId): Promise<User | undefined> {
    const query = this.#db.selectFrom('users').selectAll().where('id', '=', id).forNoKeyUpdate()
    const row = await query.executeTakeFirst()
    return row && toUser(row)
  }

  async add(user: NewUser): Promise<User> {
    const query = this.#db.insertInto('users').values(fromUser(user)).returningAll()
    const added = toUser(await query.executeTakeFirstOrThrow().catch(asTaken))
    await this.#addLooks(added)
    return added
  }

  async save(user: User): Promise<void> {
    const query = this.#db.selectFrom('users').select('username').where('id', '=', user.id)
    const before = await query.executeTakeFirst()
    await this.#db.updateTable('users').set(fromUser(user)).where('id', '=', user.id).execute().catch(asTaken)
    if (before?.username === user.username.text) return
    await this.#db.deleteFrom('username_looks').where('user_id', '=', user.id).execute()
    await this.#addLooks(user)
  }

  async #addLooks({ id, username }: User): Promise<void> {
    const rows = looksOf(username).map((look) => ({ look, user_id: id }))
    await this.#db.insertInto('username_looks').values(rows).execute().catch(asTaken)
  }
}

const TAKEN = new Map<string, 'username_taken' | 'email_taken'>([
  ['users_username_key_unique', 'username_taken'],
  ['username_looks_unique', 'username_taken'],
  ['users_email_key_unique', 'email_taken'],
])

function asTaken(error: unknown): never {
  const code = TAKEN.get(serverError(error)?.constraint ?? '')
  throw code === undefined ? error : new ApplicationError(code)
}
