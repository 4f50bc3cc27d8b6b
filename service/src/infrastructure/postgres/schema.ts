import type { ColumnType, Generated, JSONColumnType } from 'kysely'

export interface Schema {
  users: UserRow
  username_looks: { look: string; user_id: number }
  shared_username_looks: { look: string; user_id: number }
  sessions: SessionRow
  revocations: {
    id: Generated<number>
    session_id: string
    user_id: number
    reason: string
    up_to_generation: number | null
    expires_at: Date
    seq: ColumnType<number | null, never, number>
    mark: ColumnType<number, never, number>
  }
  revocation_log: { last_seq: number; log: Generated<string> }
  tickets: TicketRow
  invitations: InvitationRow
  avatars: { user_id: number; name: string; large: Buffer; small: Buffer }
  username_endings: { user_id: number; repeated: number; ending: string }
  email_changes: {
    user_id: number
    version: number
    previous_email: string
    previous_email_key: string
    previous_verified: boolean
    changed_at: Date
  }
  password_reset_requests: { id: Generated<number>; email_key: string; requested_at: Date }
  released_names: { hash: Buffer; free_at: Date; user_id: number | null }
  outbox: {
    id: Generated<number>
    event_id: string
    type: string
    version: number
    actor: string | null
    user_id: number
    occurred_at: Date
    data: JSONColumnType<object>
    is_dispatched: Generated<boolean>
  }
  audit_log: {
    id: Generated<number>
    at: Date
    actor: string | null
    action: string
    subject: number | null
    session: string | null
    ip: string | null
    user_agent: string | null
    request_id: string | null
    result: string
    data: JSONColumnType<object>
  }
  deliveries: {
    id: Generated<number>
    consumer: string
    user_id: number
    outbox_id: number
    created_at: Date
    attempts: Generated<number>
    last_error: string | null
    dead_at: Date | null
  }
  delivery_queues: { consumer: string; user_id: number; due_at: Date; claim: string | null }
  signing_keys: {
    kid: string
    algorithm: string
    public_jwk: JSONColumnType<Record<string, string>>
    sealed_private_key: string
    signs_from: Date
    signs_until: Date
    published_until: Date
  }
  attempts: {
    key: Buffer
    count: number
    allowed_at: Date
    forget_at: Date
    forgotten_before: Date | null
  }
  spent_proofs: { id: Buffer; expires_at: Date }
  totp_secrets: {
    user_id: number
    secret: string
    created_at: Date
    confirmed_at: Date | null
    last_step: Generated<number>
  }
  recovery_codes: { user_id: number; hash: Buffer }
}

/**
 * The columns by name, for named statements: `select *` would fail on every open connection when a later version adds a
 * column ("cached plan must not change result type").
 */
export const userColumns = Object.keys({
  id: true,
  username: true,
  username_key: true,
  email: true,
  email_key: true,
  email_verified: true,
  email_version: true,
  password_hash: true,
  password_version: true,
  factors: true,
  factors_version: true,
  roles: true,
  created_at: true,
  disabled_at: true,
  disabled_reason: true,
  disabled_public_reason: true,
  disabled_until: true,
  avatar: true,
  deleted_at: true,
} satisfies Record<keyof UserRow, true>)

export const sessionColumns = Object.keys({
  user_id: true,
  id: true,
  generation: true,
  oldest_generation: true,
  confirmed_generation: true,
  created_at: true,
  refreshed_at: true,
  last_seen_at: true,
  idle_expires_at: true,
  expires_at: true,
  check_after: true,
  ended_at: true,
  end_reason: true,
  device_id: true,
  device_name: true,
  user_agent: true,
  address: true,
  last_address: true,
  last_user_agent: true,
  auth_time: true,
  amr: true,
  roles: true,
} satisfies Record<keyof SessionRow, true>)

export interface UserRow {
  id: ColumnType<number, never, never>
  username: string
  username_key: string
  email: string | null
  email_key: string | null
  email_verified: boolean
  email_version: number
  password_hash: string
  password_version: number
  factors: string[]
  factors_version: number
  roles: string[]
  created_at: Date
  disabled_at: Date | null
  disabled_reason: string | null
  disabled_public_reason: string | null
  disabled_until: Date | null
  avatar: string | null
  deleted_at: Date | null
}

export interface InvitationRow {
  id: Generated<number>
  hash: Buffer
  uses: number
  uses_left: number
  note: string | null
  created_at: Date
  created_by: string
  expires_at: Date
}

interface TicketRow {
  hash: Buffer
  user_id: number
  session_id: string
  generation: number
  origin: string | null
  issued_at: Date
  token_expires_at: Date
  expires_at: Date
  place: number | null
}

export interface SessionRow {
  user_id: number
  id: string
  generation: number
  oldest_generation: number
  confirmed_generation: number
  created_at: Date
  refreshed_at: Date
  last_seen_at: Date
  idle_expires_at: Date
  expires_at: Date
  check_after: Date
  ended_at: Date | null
  end_reason: string | null
  device_id: string | null
  device_name: string
  user_agent: string
  address: string
  last_address: string | null
  last_user_agent: string | null
  auth_time: Date
  amr: string[]
  roles: string[]
}
