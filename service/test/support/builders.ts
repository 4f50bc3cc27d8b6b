// Builds users and sessions for tests. A test passes the fields that matter; the rest are defaults.
import type { Ban } from '../../src/domain/ban.ts'
import type { Device } from '../../src/domain/device.ts'
import { parseEmailAddress } from '../../src/domain/email-address.ts'
import type { PasswordHash } from '../../src/domain/password.ts'
import { secondsAfter, startSession, type Session, type SessionId } from '../../src/domain/session.ts'
import { registerUser, type User, type UserId } from '../../src/domain/user.ts'
import { parseUsername } from '../../src/domain/username.ts'

/** The start time of tests that choose their own time. */
export const noon = new Date('2026-03-01T12:00:00Z')

export const HOUR = 3600
export const DAY = 24 * HOUR
const limits = { idleSeconds: 30 * DAY, absoluteSeconds: 180 * DAY }

/** The time `seconds` after noon. */
export const at = (seconds: number): Date => secondsAfter(noon, seconds)

/** The same number gives the same id. */
export const sessionId = (number: number): SessionId =>
  `019a0000-0000-7000-8000-${number.toString(16).padStart(12, '0')}` as SessionId

export const aUser = (changes: Partial<User> = {}): User => ({
  ...registerUser(
    parseUsername('anna'),
    parseEmailAddress('anna@example.org'),
    'fake$2$hunter' as PasswordHash,
    noon,
  ),
  id: 42 as UserId,
  ...changes,
})

/** A ban without an end. */
export const aBan = (changes: Partial<Ban> = {}): Ban => ({
  since: noon,
  reason: 'Spam',
  publicReason: undefined,
  until: undefined,
  ...changes,
})

export const aDevice = (changes: Partial<Device> = {}): Device => ({
  id: undefined,
  name: 'Firefox on Linux',
  userAgent: 'Mozilla/5.0',
  address: '203.0.113.7',
  ...changes,
})

/** A session of `aUser()` that starts at noon. */
export const aSession = (changes: Partial<Session> = {}): Session => ({
  ...startSession(
    { id: sessionId(1), userId: 42 as UserId, device: aDevice(), amr: ['pwd'], roles: [] },
    limits,
    noon,
  ),
  ...changes,
})
