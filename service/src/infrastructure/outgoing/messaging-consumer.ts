import type { StoredEvent } from '../../application/ports/deliveries.ts'
import { DeliveryFailed, type EventConsumer } from '../../application/ports/event-consumer.ts'
import type { Users } from '../../application/ports/users.ts'
import { MESSAGING } from '../../domain/delivery.ts'
import { isDeleted, type UserId } from '../../domain/user.ts'
import { publicUser } from '../../interface-adapters/http/response-bodies.ts'
import type { Post } from './safe-request.ts'

const PATH = '/messaging/chats/update-chat-related-user'

interface MessagingDeps {
  readonly messagingUrl: string
  readonly publicUrl: string
  readonly users: Pick<Users, 'find'>
  /** Makes a token that names the user; see delivery-tokens.ts. */
  readonly tokenOf: (userId: UserId, now: Date) => string
  readonly post: Post
}

/**
 * Sends a user's current name and picture to the platform's messaging service, not those at the time of the event. So a
 * duplicate call does no harm, and the next call makes up for one that was given up.
 */
export class MessagingConsumer implements EventConsumer {
  readonly name = MESSAGING
  readonly #deps: MessagingDeps

  constructor(deps: MessagingDeps) {
    this.#deps = deps
  }

  wants(event: StoredEvent): boolean {
    // A deleted user gets a new name in the messaging service, too.
    if (event.type === 'user.deleted') return true
    if (event.type !== 'user.updated') return false
    const changed: readonly string[] = event.data.changed
    return changed.includes('username') || changed.includes('avatar')
  }

  async receive({ userId }: StoredEvent, now: Date): Promise<void> {
    const { messagingUrl, publicUrl, users, tokenOf, post } = this.#deps
    const user = await users.find(userId)
    if (user === undefined) return
    const body = publicUser(user, publicUrl)
    const status = await post({
      url: messagingUrl.replace(/\/+$/, '') + PATH,
      body: JSON.stringify(isDeleted(user) ? { ...body, username: `deleted-${userId}` } : body),
      headers: {
        'content-type': 'application/json',
        'user-agent': 'chat-auth',
        authorization: `Bearer ${tokenOf(userId, now)}`,
      },
    })
    if (status < 200 || status > 299) throw new DeliveryFailed(`responded with ${status}`)
  }
}
