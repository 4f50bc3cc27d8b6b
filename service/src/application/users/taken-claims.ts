import type { UserId } from '../../domain/user.ts'
import type { Claims, Holder, Holdings } from '../ports/imported-users.ts'
import type { Candidate, Remark } from './read-old-user.ts'

export const claimsOf = (candidates: readonly Candidate[]): Claims => ({
  ids: candidates.map(({ id }) => id),
  usernameKeys: candidates.map(({ username }) => username.key),
  looks: candidates.flatMap(({ looks }) => looks),
  emailKeys: candidates.flatMap(({ email }) => (email === undefined ? [] : [email.key])),
})

/** The result for a candidate who asks for an id, a name and an address. */
export type Admission =
  | { readonly kind: 'admitted' }
  /** The candidate was imported before. */
  | { readonly kind: 'already_there' }
  /** Another user has one of the claims. */
  | { readonly kind: 'refused'; readonly remark: Remark }

/** Who has which id, name, look and address. An admitted candidate counts as a holder. */
export class TakenClaims {
  readonly #byId = new Map<UserId, Holder>()
  readonly #byUsername = new Map<string, UserId>()
  readonly #byEmail = new Map<string, UserId>()
  readonly #byLook: Map<string, UserId>
  readonly #heldNames: ReadonlySet<string>
  readonly #mayShareAddresses: boolean

  constructor(
    { holders, looks, heldNames }: Holdings,
    { mayShareAddresses }: { readonly mayShareAddresses: boolean },
  ) {
    this.#mayShareAddresses = mayShareAddresses
    this.#byLook = new Map(looks)
    this.#heldNames = heldNames
    for (const holder of holders) this.#note(holder)
  }

  admit(candidate: Candidate): Admission {
    const { id, username, email, looks } = candidate
    const holder = this.#byId.get(id)
    if (holder !== undefined) {
      // The user may have changed one of the two since the last import. Only imported users have no address.
      const hasAddress = holder.emailKey !== undefined
      const isThem = !hasAddress || holder.usernameKey === username.key || holder.emailKey === email?.key
      if (isThem) return { kind: 'already_there' }
      return { kind: 'refused', remark: { reason: 'id_taken', explanation: idTaken, takenBy: id } }
    }
    const clash = this.#clashOf(candidate)
    if (clash !== undefined) return { kind: 'refused', remark: clash }
    this.#note({ id, usernameKey: username.key, emailKey: email?.key })
    for (const look of looks) this.#byLook.set(look, id)
    return { kind: 'admitted' }
  }

  #clashOf({ username, email, looks }: Candidate): Remark | undefined {
    const byName = this.#byUsername.get(username.key)
    if (byName !== undefined) return { reason: 'username_taken', explanation: usernameTaken, takenBy: byName }
    const byLook = looks.map((look) => this.#byLook.get(look)).find((id) => id !== undefined)
    if (byLook !== undefined)
      return { reason: 'username_looks_taken', explanation: lookTaken, takenBy: byLook }
    if ([username.key, ...looks].some((name) => this.#heldNames.has(name)))
      return { reason: 'username_held', explanation: nameHeld }
    if (email === undefined || this.#mayShareAddresses) return undefined
    const byEmail = this.#byEmail.get(email.key)
    return byEmail && { reason: 'email_taken', explanation: emailTaken, takenBy: byEmail }
  }

  #note(holder: Holder): void {
    this.#byId.set(holder.id, holder)
    this.#byUsername.set(holder.usernameKey, holder.id)
    if (holder.emailKey !== undefined) this.#byEmail.set(holder.emailKey, holder.id)
  }
}

const idTaken = 'Another user has this id here, or had it and was deleted.'
const usernameTaken = 'Another user has this username; case and full-width letters make no difference.'
const lookTaken = 'Another user has a username that looks like this one.'
const nameHeld =
  'A user with this username, or one that looks like it, was deleted or has another name now. The name is still reserved.'
const emailTaken = 'Another user has this e-mail address; case makes no difference.'
