import { BlockList, isIPv4 } from 'node:net'
import type { RecordedEntry } from '../../src/application/ports/audit-log.ts'
import type { StoredTotp } from '../../src/application/ports/factors.ts'
import type { Actor } from '../../src/domain/actor.ts'
import type { Avatar } from '../../src/domain/avatar.ts'
import type { EmailChange } from '../../src/domain/email-change.ts'
import type { DomainEvent } from '../../src/domain/event.ts'
import type { Invitation } from '../../src/domain/invitation.ts'
import type { RecoveryCode } from '../../src/domain/recovery-code.ts'
import type { Revocation } from '../../src/domain/revocation.ts'
import type { Session, SessionId } from '../../src/domain/session.ts'
import type { User, UserId } from '../../src/domain/user.ts'
import type { Username } from '../../src/domain/username.ts'

/** Everything that is stored. The values are immutable, so it is enough to copy the containers. */
export interface World {
  readonly users: Map<UserId, User>
  readonly sessions: Map<SessionId, Session>
  readonly media: Map<UserId, Avatar>
  readonly revocations: Revocation[]
  readonly heldNames: HeldName[]
  /** By their tokens. */
  readonly invitations: Map<string, Invitation>
  readonly totp: Map<UserId, StoredTotp & { readonly lastStep: number }>
  readonly recoveryCodes: Map<UserId, readonly RecoveryCode[]>
  /** The ids of what was spent in transactions. */
  readonly spent: Set<string>
  readonly emailChanges: EmailChange[]
  /** The addresses for which somebody asked for a new password. */
  readonly resetRequests: string[]
  readonly events: DomainEvent[]
  /** Who made them, at the same index. */
  readonly actors: Actor[]
  readonly audit: RecordedEntry[]
}

interface HeldName {
  readonly username: Username
  readonly until: Date
  readonly heldFor: UserId | undefined
}

export type Read = <T>(look: (world: World) => T) => Promise<T>
export type InTurn = <T>(write: (draft: World) => T | Promise<T>) => Promise<T>

export function contains(network: string, address: string): boolean {
  const [base = '', prefix] = network.split('/')
  const list = new BlockList()
  list.addSubnet(base, Number(prefix), familyOf(base))
  return list.check(address, familyOf(address))
}

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIPv4(address) ? 'ipv4' : 'ipv6')
