import type { StoredEvent } from '../../application/ports/deliveries.ts'
import { DeliveryFailed, type EventConsumer } from '../../application/ports/event-consumer.ts'
import type { Users } from '../../application/ports/users.ts'
import { isDeleted, type UserId } from '../../domain/user.ts'
import { publicUser } from '../../interface-adapters/http/present.ts'
import type { Post } from './safe-request.ts'

const PATH = '/messaging/chats/update-chat-related-user'

interface MessagingDeps {
  readonly messagingUrl: string
  readonly publicUrl: string
  readonly users: Pick<Users, 'find'>
  /** Makes a token that says who the call is about; see delivery-tokens.ts. */
  readonly tokenOf: (userId: UserId, now: Date) => string
  readonly post: Post
}

/**
 * Tells the platform's messaging service how somebody is called and looks now. Not as of the event: so each call says the
 * latest, one call more does no harm, and one that was given up is made good by the next.
 */
export class MessagingConsumer implements EventConsumer {
  readonly name = 'messaging'
  readonly #deps: MessagingDeps

  constructor(deps: MessagingDeps) {
    this.#deps = deps
  }

  wants(event: StoredEvent): boolean {
    // Whoever is gone is called something else from then on, here too.
    if (event.type === 'user.deleted') return true
    if (event.type !== 'user.updated') return false
    const changed: readonly string[] = event.data.changed
    return changed.includes('username') || changed.includes('avatar')
  }

  async receive({ userId }: StoredEvent, now: Date): Promise<void> {
    const { messagingUrl, publicUrl, users, tokenOf, post } = this.#deps
    const user = await users.find(userId)
    if (user === undefined) return
    const shown = publicUser(user, publicUrl)
    const status = await post({
      url: messagingUrl.replace(/\/+$/, '') + PATH,
      body: JSON.stringify(isDeleted(user) ? { ...shown, username: `deleted-${userId}` } : shown),
      headers: {
        'content-type': 'application/json',
        'user-agent': 'chat-auth',
        authorization: `Bearer ${tokenOf(userId, now)}`,
      },
    })
    if (status < 200 || status > 299) throw new DeliveryFailed(`answered ${status}`)
  }
}
