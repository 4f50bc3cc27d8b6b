import { expect, test } from 'vitest'
import type { Entry, Operation, Outcome } from './acknowledged-record.ts'
import { findViolations, type UserRow, type Rows, type SessionRow } from './record-checker.ts'

const entry = (operation: Operation, outcome: Outcome = 'acknowledged'): Entry => ({
  ...operation,
  who: 'anna',
  outcome,
  at: '2026-03-01T12:00:00.000Z',
})
const begun = [entry({ what: 'registration' }), entry({ what: 'sign-in', session: 's' })]
const refresh = (generation: number, outcome?: Outcome) =>
  entry({ what: 'refresh', session: 's', generation }, outcome)
const end = (what: 'sign-out' | 'ban' | 'password-change' | 'replay', reason: string, outcome?: Outcome) =>
  entry({ what, ends: [{ session: 's', reason }] }, outcome)

const change = (generation: number, outcome?: Outcome) =>
  entry({ what: 'password-change', ends: [], renews: { session: 's', generation } }, outcome)

const live: SessionRow = { id: 's', generation: 0, end_reason: null, revocations: 0, events: 0 }
const endedAs = (reason: string): SessionRow => ({ ...live, end_reason: reason, revocations: 1, events: 1 })
const anna: UserRow = { username: 'anna', password_version: 1, is_disabled: false }
const rows = (session?: SessionRow, person: UserRow | undefined = anna): Rows => ({
  sessions: session === undefined ? [] : [session],
  users: [person],
  areEventsKept: true,
})
const kindsOf = (operations: readonly Entry[], found: Rows) =>
  findViolations([...begun, ...operations], found).map(({ kind }) => kind)

interface Case {
  readonly what: string
  readonly operations?: readonly Entry[]
  readonly found: Rows
}

const allowed: readonly Case[] = [
  { what: 'nothing happened', found: rows(live) },
  { what: 'a refresh was done', operations: [refresh(1)], found: rows({ ...live, generation: 1 }) },
  {
    what: 'a refresh without a response was not done',
    operations: [refresh(1, 'unknown')],
    found: rows(live),
  },
  {
    what: 'a refresh without a response was done',
    operations: [refresh(1), refresh(2, 'unknown'), refresh(2, 'unknown')],
    found: rows({ ...live, generation: 2 }),
  },
  {
    what: 'an end was done',
    operations: [end('sign-out', 'signed_out')],
    found: rows(endedAs('signed_out')),
  },
  {
    what: 'the first of two ends was done',
    operations: [end('sign-out', 'signed_out', 'unknown'), end('ban', 'user_disabled')],
    found: rows(endedAs('signed_out'), { ...anna, is_disabled: true }),
  },
  {
    what: 'a replay ended the session',
    operations: [refresh(1), refresh(2), end('replay', 'refresh_token_reused')],
    found: rows({ ...endedAs('refresh_token_reused'), generation: 2 }),
  },
  {
    what: 'an end without a response was not done',
    operations: [end('ban', 'x', 'unknown')],
    found: rows(live),
  },
  {
    what: 'a password change without a response was done',
    operations: [end('password-change', 'password_changed', 'unknown')],
    found: rows(endedAs('password_changed'), { ...anna, password_version: 2 }),
  },
  {
    what: 'a password change renewed the session, which then ended',
    operations: [change(1), end('sign-out', 'signed_out')],
    found: rows({ ...endedAs('signed_out'), generation: 1 }, { ...anna, password_version: 2 }),
  },
  {
    what: 'a password change without a response renewed the session',
    operations: [refresh(1), change(3, 'unknown')],
    found: rows({ ...live, generation: 2 }, { ...anna, password_version: 2 }),
  },
  {
    what: 'the event of an end was removed because no receiver is set up',
    operations: [end('sign-out', 'signed_out')],
    found: { ...rows({ ...endedAs('signed_out'), events: 0 }), areEventsKept: false },
  },
]

test.each(allowed)('the record checker accepts that $what', ({ operations = [], found }) => {
  expect(kindsOf(operations, found)).toEqual([])
})

const contradicting: readonly (Case & { readonly kind: string })[] = [
  { what: 'a user is missing', kind: 'lost', found: { ...rows(live), users: [] } },
  { what: 'a session is missing', kind: 'lost', found: rows() },
  { what: 'a refresh is undone', kind: 'lost', operations: [refresh(1), refresh(2)], found: rows(live) },
  {
    what: 'a token was rotated twice',
    kind: 'other',
    operations: [refresh(1, 'unknown'), refresh(1)],
    found: rows({ ...live, generation: 2 }),
  },
  { what: 'an end is undone', kind: 'lost', operations: [end('sign-out', 'signed_out')], found: rows(live) },
  {
    what: 'a replay ended nothing',
    kind: 'lost',
    operations: [end('replay', 'refresh_token_reused')],
    found: rows(live),
  },
  {
    what: 'a session ended without any request',
    kind: 'false logout',
    found: rows(endedAs('refresh_token_reused')),
  },
  {
    what: 'a session ended during a refused refresh',
    kind: 'false logout',
    operations: [refresh(1, 'refused')],
    found: rows(endedAs('refresh_token_reused')),
  },
  {
    what: 'an end has no revocation',
    kind: 'lost',
    operations: [end('sign-out', 'signed_out', 'unknown')],
    found: rows({ ...endedAs('signed_out'), revocations: 0 }),
  },
  {
    what: 'an end has no event',
    kind: 'other',
    operations: [end('sign-out', 'signed_out')],
    found: rows({ ...endedAs('signed_out'), events: 0 }),
  },
  { what: 'a revocation has no end', kind: 'other', found: rows({ ...live, revocations: 1 }) },
  {
    what: 'a ban is undone',
    kind: 'lost',
    operations: [end('ban', 'user_disabled')],
    found: rows(endedAs('user_disabled')),
  },
  {
    what: 'a password change is undone',
    kind: 'lost',
    operations: [end('password-change', 'password_changed')],
    found: rows(endedAs('password_changed')),
  },
  {
    what: 'the renewal of a password change is undone',
    kind: 'lost',
    operations: [change(1)],
    found: rows(live, { ...anna, password_version: 2 }),
  },
  {
    what: 'a password change without a response was followed by a rotation that nobody requested',
    kind: 'other',
    operations: [change(2, 'unknown')],
    found: rows({ ...live, generation: 3 }, { ...anna, password_version: 2 }),
  },
  {
    what: 'a user is banned without a request',
    kind: 'other',
    found: rows(live, { ...anna, is_disabled: true }),
  },
  {
    what: 'a password is new without a request',
    kind: 'other',
    found: rows(live, { ...anna, password_version: 2 }),
  },
]

test.each(contradicting)(
  'the record checker reports "$kind" when $what',
  ({ kind, operations = [], found }) => {
    expect(kindsOf(operations, found)).toEqual([kind])
  },
)
