import type {
  Claims,
  Holder,
  Holdings,
  ImportedUsers,
  ImportTransaction,
} from '../../application/ports/imported-users.ts'
import { looksOf } from '../../domain/skeleton.ts'
import type { User, UserId } from '../../domain/user.ts'

/** For a dry run: reads the users that exist, and only remembers those that would be added. Takes some hundred bytes per user. */
export class DryRunUsers implements ImportedUsers {
  readonly #real: ImportedUsers
  readonly #byId = new Map<UserId, Holder>()
  readonly #byUsername = new Map<string, Holder>()
  readonly #byEmail = new Map<string, Holder>()
  readonly #looks = new Map<string, UserId>()

  constructor(real: ImportedUsers) {
    this.#real = real
  }

  reserveIds(): Promise<void> {
    return Promise.resolve()
  }

  transaction<T>(work: (tx: ImportTransaction) => Promise<T>): Promise<T> {
    return this.#real.transaction((tx) =>
      work({
        holdings: async (claims) => this.#withRemembered(await tx.holdings(claims), claims),
        addAll: (users) => {
          for (const user of users) this.#remember(user)
          return Promise.resolve()
        },
        announce: () => Promise.resolve(),
      }),
    )
  }

  #remember({ id, username, email }: User): void {
    const holder = { id, usernameKey: username.key, emailKey: email?.key }
    this.#byId.set(id, holder)
    this.#byUsername.set(username.key, holder)
    if (email !== undefined) this.#byEmail.set(email.key, holder)
    for (const look of looksOf(username)) this.#looks.set(look, id)
  }

  #withRemembered({ holders, looks, heldNames }: Holdings, claims: Claims): Holdings {
    const remembered = [
      ...claims.ids.map((id) => this.#byId.get(id)),
      ...claims.usernameKeys.map((key) => this.#byUsername.get(key)),
      ...claims.emailKeys.map((key) => this.#byEmail.get(key)),
    ].filter((holder) => holder !== undefined)
    const rememberedLooks = claims.looks.flatMap((look) => {
      const id = this.#looks.get(look)
      return id === undefined ? [] : [[look, id] as const]
    })
    return {
      holders: [...holders, ...remembered],
      looks: new Map([...looks, ...rememberedLooks]),
      heldNames,
    }
  }
}

/** The users of a database that does not exist yet. */
export const noUsers: ImportedUsers = {
  reserveIds: () => Promise.resolve(),
  transaction: (work) =>
    work({
      holdings: () => Promise.resolve({ holders: [], looks: new Map(), heldNames: new Set() }),
      addAll: () => Promise.resolve(),
      announce: () => Promise.resolve(),
    }),
}
