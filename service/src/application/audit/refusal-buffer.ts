import type { Actor } from '../../domain/actor.ts'
import type { RefusalAction } from '../../domain/audit-action.ts'
import type { Scope } from '../../domain/service-key.ts'
import type { SessionId } from '../../domain/session.ts'
import type { UserId } from '../../domain/user.ts'
import { ApplicationError } from '../errors.ts'
import type { AuditEntry, AuditLog, RequestOrigin } from '../ports/audit-log.ts'
import type { Clock } from '../ports/clock.ts'

/** Entries between two writes. It bounds the memory, and how fast strangers can make the log grow. */
const CAPACITY = 1_000

/** An attempt that was refused. Never holds the typed name of an unknown user: a user may type the password there. */
export interface Refusal {
  readonly action: RefusalAction
  /** The code of the error. */
  readonly result: string
  /** Undefined if nobody has proven who they are. */
  readonly actor?: Actor | undefined
  /** The user at whose account the attempt was made, if there is one. */
  readonly subject?: UserId | undefined
  readonly session?: SessionId | undefined
  /** The scope that the actor does not have, or may not use like this. */
  readonly scope?: Scope | undefined
}

export interface RefusalBuffer {
  /** Notes a refusal of the request in progress, to be written later. Never waits, never fails. */
  add(refusal: Refusal): void
  /**
   * Writes the noted refusals. If the database is unavailable, they stay noted, and the failure is thrown. Entries that it
   * refuses for another reason are dropped, since it would refuse them again.
   */
  flush(): Promise<void>
  /** How many entries were dropped so far. */
  dropped(): number
}

interface RefusalBufferDeps {
  readonly auditLog: AuditLog
  readonly clock: Clock
  readonly origin: () => RequestOrigin | undefined
  readonly capacity?: number
}

const NOWHERE = { ip: undefined, session: undefined }

type Noted = AuditEntry & { readonly attempts: number }

/**
 * Keeps refusals out of the way of requests. Equal ones between two writes are one entry with their number, so that a
 * guesser does not fill the log. A full buffer drops new ones.
 */
export function createRefusalBuffer(deps: RefusalBufferDeps): RefusalBuffer {
  const { auditLog, clock, origin, capacity = CAPACITY } = deps
  let noted = new Map<string, Noted>()
  let dropped = 0
  let writing = Promise.resolve()

  function note(key: string, entry: Noted): void {
    const first = noted.get(key)
    if (first !== undefined) noted.set(key, { ...first, attempts: first.attempts + entry.attempts })
    else if (noted.size < capacity) noted.set(key, entry)
    else dropped += 1
  }

  function add(refusal: Refusal): void {
    const { session: ownSession, ...from } = origin() ?? NOWHERE
    const { scope, ...entry } = refusal
    const { action, result, actor, subject, session = ownSession } = entry
    const key = [action, result, actor, subject, session, scope, from.ip].join(' ')
    const data = scope === undefined ? {} : { scope }
    note(key, { at: clock.now(), ...entry, session, ...from, attempts: 1, data })
  }

  /** Before the newer ones, so that an entry has the time of its first attempt. */
  function noteAgain(batch: typeof noted): void {
    const newer = noted
    noted = batch
    for (const [key, entry] of newer) note(key, entry)
  }

  async function write(): Promise<void> {
    if (noted.size === 0) return
    const batch = noted
    noted = new Map()
    try {
      await auditLog.add([...batch.values()].map(toEntry))
    } catch (error) {
      if (error instanceof ApplicationError) noteAgain(batch)
      else dropped += batch.size
      throw error
    }
  }

  /** Waits for the write in progress, so that everything noted before the call is written. */
  function flush(): Promise<void> {
    const written = writing.catch(() => undefined).then(write)
    writing = written
    return written
  }

  return { add, flush, dropped: () => dropped }
}

const toEntry = ({ attempts, ...entry }: Noted): AuditEntry => ({
  ...entry,
  data: { ...entry.data, attempts },
})
