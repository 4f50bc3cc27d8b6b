// Responses of the service, for the tests of the commands and for docs/cli.md. The API's own schemas parse them, so each
// is a response the service can send.
import {
  endedSessions as allEnded,
  sessionCount,
} from '../../../src/interface-adapters/http/internal/all-sessions-schemas.ts'
import { findings } from '../../../src/interface-adapters/http/internal/doctor-schemas.ts'
import {
  createdInvitation,
  invitationList,
} from '../../../src/interface-adapters/http/internal/invitation-schemas.ts'
import { signingKeyList } from '../../../src/interface-adapters/http/internal/signing-key-schemas.ts'
import { auditEntryList } from '../../../src/interface-adapters/http/operators/audit-schemas.ts'
import {
  announced,
  deliveryList,
  replayed,
} from '../../../src/interface-adapters/http/internal/outbox-schemas.ts'
import {
  inspectedUser,
  inspectedUsers,
} from '../../../src/interface-adapters/http/operators/inspection-schemas.ts'
import { sessionList } from '../../../src/interface-adapters/http/session-schemas.ts'

const at = (time: string) => `2026-01-${time}.000Z`

export const ann = inspectedUser.parse({
  id: 17,
  username: 'ann_example',
  email: 'ann@example.org',
  email_verified: true,
  avatar_url: 'https://auth.example.org/v1/media/avatars/default-5-512.png',
  created_at: at('05T09:12:44'),
  roles: ['editor', 'moderator'],
  factors: ['totp'],
  disabled_at: null,
  disabled_until: null,
  disabled_reason: null,
  disabled_public_reason: null,
  live_sessions: 2,
})
export const bob = inspectedUser.parse({
  ...ann,
  id: 23,
  username: 'annabel',
  email: 'bel@example.org',
  email_verified: false,
  roles: [],
  disabled_at: at('30T18:02:10'),
  disabled_until: '2026-02-06T18:00:00.000Z',
  disabled_reason: 'Spam',
  disabled_public_reason: 'Ads',
  live_sessions: 0,
})
export const users = inspectedUsers.parse({ items: [ann, bob], next_cursor: null })

export const SESSION = '019bd0a4-5a3c-7c7e-9a53-1c7f5a1f7e11'
const session = {
  id: SESSION,
  device_name: 'Firefox on Linux',
  user_agent: 'Mozilla/5.0',
  ip: '203.0.113.7',
  last_user_agent: 'Mozilla/5.0',
  last_ip: '198.51.100.4',
  created_at: at('31T08:00:00'),
  last_seen_at: at('31T12:00:00'),
  expires_at: '2026-03-02T12:00:00.000Z',
  current: false,
}
export const sessions = sessionList.parse({
  items: [
    session,
    { ...session, id: '019bc0a4-77aa-7d01-8c1e-0a2b4c6d8e1f', device_name: '安のスマホ', ip: '2001:db8::7' },
  ],
})

export const allSessions = sessionCount.parse({ live: 40_213 })
export const endedSessions = allEnded.parse({ ended: 213, next_cursor: null })

const invitation = {
  id: '17',
  uses: 30,
  uses_left: 12,
  note: 'For the class of 2027',
  created_at: at('31T12:00:00'),
  created_by: 'service:ops',
  expires_at: '2026-02-28T12:00:00.000Z',
}
export const invitations = invitationList.parse({ items: [invitation], next_cursor: null })
export const newInvitation = createdInvitation.parse({
  ...invitation,
  uses_left: 30,
  invitation: 'q1nTJ0mS9Jx2vR8wZ5pKcY7uB4hL6dF0gNiRoEtM3aQ',
})

const key = {
  kid: 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k',
  algorithm: 'EdDSA',
  state: 'signing',
  usable: true,
  signs_from: at('10T08:00:00'),
  signs_until: '2026-02-09T08:00:00.000Z',
  published_until: '2026-02-10T08:10:00.000Z',
}
export const keys = signingKeyList.parse({ algorithm: 'EdDSA', items: [key] })
export const rotatedKeys = signingKeyList.parse({
  algorithm: 'EdDSA',
  items: [
    key,
    {
      ...key,
      kid: 'q0nZ1rV4cJ8bQm5sT2xYwA7eK9uP3hL6dF0gNiRoEtM',
      state: 'coming',
      signs_from: at('31T13:00:00'),
      signs_until: '2026-03-02T13:00:00.000Z',
      published_until: '2026-03-03T13:10:00.000Z',
    },
  ],
})

const delivery = {
  id: '4711',
  consumer: 'webhook-hooks.example.org-5f4dcc3b',
  state: 'dead',
  event: {
    id: '019bd0a4-0000-7c7e-9a53-1c7f5a1f7e11',
    type: 'user.updated',
    user_id: 17,
    occurred_at: at('28T12:00:00'),
  },
  attempts: 14,
  last_error: 'responded with 500',
  next_attempt_at: null,
  dead_at: at('31T12:00:00'),
}
export const deadDeliveries = deliveryList.parse({ items: [delivery], next_cursor: null })
export const waitingDeliveries = deliveryList.parse({
  items: [
    {
      ...delivery,
      state: 'waiting',
      attempts: 0,
      last_error: null,
      next_attempt_at: at('31T12:00:00'),
      dead_at: null,
    },
  ],
  next_cursor: '4711',
})
export const replays = replayed.parse({ replayed: 12 })
export const announcements = announced.parse({ announced: 212, next_cursor: null })

const entry = {
  at: at('31T12:00:00'),
  actor: null,
  user_id: 17,
  session_id: null,
  user_agent: 'Mozilla/5.0',
  request_id: '7c1f0e5a-0c4a-4e7a-9a53-1c7f5a1f7e11',
}
export const auditEntries = auditEntryList.parse({
  items: [
    {
      ...entry,
      id: '4713',
      actor: 'service:ops',
      action: 'user.disabled',
      ip: '192.0.2.10',
      result: 'success',
      data: { reason: 'Spam', public_reason: null, until: null },
    },
    {
      ...entry,
      id: '4712',
      actor: 'user:17',
      action: 'session.created',
      ip: '203.0.113.7',
      result: 'success',
      data: { device_name: 'Firefox on Linux' },
    },
    {
      ...entry,
      id: '4711',
      action: 'sign_in.refused',
      ip: '2001:db8::7',
      result: 'invalid_credentials',
      data: { attempts: 3 },
    },
  ],
  next_cursor: null,
})

export const health = findings.parse({
  status: 'warning',
  findings: [
    {
      check: 'settings',
      status: 'warning',
      detail:
        'PUBLIC_URL is https, so there is a proxy in front, but TRUSTED_PROXIES is empty: all users share one rate limit',
      advice: 'Set TRUSTED_PROXIES to the addresses of the proxy.',
    },
    ...[
      ['database', 'PostgreSQL 17.2 responds in 0.6 ms'],
      ['migrations', 'all 5 are applied'],
      ['durability', 'fsync=on, full_page_writes=on, synchronous_commit=on'],
      ['names', 'no two users look alike'],
      ['connections', '1 of 10 in use here; 71 of 97 left on the server'],
      ['keys', 'EdDSA signs, and its signatures are accepted'],
      ['keys', 'the current one signs until 2026-02-09T08:00:00.000Z'],
      ['clock', '0.3 ms ahead of that of the database'],
      ['feed', 'last read 412 ms ago, now read to 1094, 3 readers'],
      ['feed', 'is notified of other instances immediately (LISTEN)'],
      ['outbox', 'no delivery waits'],
    ].map(([check, detail]) => ({ check, status: 'ok', detail, advice: null })),
  ],
})
