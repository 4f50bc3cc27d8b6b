import { describe, expect, test } from 'vitest'
import { fitsOrigin, hasExpired, startTicket, type Ticket } from '../../src/domain/ticket.ts'
import type { UserId } from '../../src/domain/user.ts'
import { at, sessionId } from '../support/builders.ts'

const millisecond = 0.001

/** A ticket for an access token that was issued at noon and lives ten minutes. */
const aTicket = (seconds: number, changes: Partial<Ticket> = {}): Ticket => {
  const bearer = { userId: 42 as UserId, sessionId: sessionId(1), generation: 3, origin: undefined }
  return startTicket({ ...bearer, issuedAt: at(0), tokenExpiresAt: at(600), ...changes }, at(seconds))
}

describe('a ticket', () => {
  test('a ticket carries the claims of its access token', () => {
    expect(aTicket(60, { origin: 'https://chat.example.org' })).toEqual({
      userId: 42,
      sessionId: sessionId(1),
      generation: 3,
      origin: 'https://chat.example.org',
      issuedAt: at(0),
      tokenExpiresAt: at(600),
      expiresAt: at(90),
    })
  })

  test('a ticket expires exactly 30 seconds after it was created', () => {
    const ticket = aTicket(60)
    expect(hasExpired(ticket, at(60))).toBe(false)
    expect(hasExpired(ticket, at(90 - millisecond))).toBe(false)
    expect(hasExpired(ticket, at(90))).toBe(true)
    expect(hasExpired(ticket, at(9999))).toBe(true)
  })

  test('a ticket from a clock that was ahead has expired when the clock is right', () => {
    const ticket = aTicket(0)
    expect(hasExpired(ticket, at(-60))).toBe(false)
    expect(hasExpired(ticket, at(-61))).toBe(true)
  })

  test('a ticket lives no longer than its access token', () => {
    const ticket = aTicket(590)
    expect(ticket.expiresAt).toEqual(at(600))
    expect(hasExpired(ticket, at(600 - millisecond))).toBe(false)
    expect(hasExpired(ticket, at(600))).toBe(true)
  })
})

describe('a ticket that is bound to an origin', () => {
  const ticket = aTicket(0, { origin: 'https://chat.example.org' })

  test('a ticket bound to an origin works for that origin', () => {
    expect(fitsOrigin(ticket, 'https://chat.example.org')).toBe(true)
  })

  test.each([
    undefined,
    '',
    'null',
    'http://chat.example.org',
    'https://chat.example.org/',
    'https://chat.example.org:443',
    'https://chat.example.org:8443',
    'https://chat.example.org.evil.example',
    'https://evil-chat.example.org',
    'https://CHAT.example.org',
    'https://example.org',
    'https://chat.example.org, https://evil.example',
    ' https://chat.example.org',
    'chat.example.org',
  ])('a ticket bound to an origin does not work for %s', (origin) => {
    expect(fitsOrigin(ticket, origin)).toBe(false)
  })

  test('a ticket can be bound to the origin "null" or an empty one', () => {
    const bound = (origin: string) => aTicket(0, { origin })
    expect(fitsOrigin(bound('null'), 'null')).toBe(true)
    expect(fitsOrigin(bound('null'), undefined)).toBe(false)
    expect(fitsOrigin(bound('null'), 'https://evil.example')).toBe(false)
    expect(fitsOrigin(bound(''), undefined)).toBe(false)
    expect(fitsOrigin(bound(''), 'https://evil.example')).toBe(false)
  })
})

test.each([undefined, '', 'null', 'https://chat.example.org'])(
  'a ticket that is not bound to an origin works for the origin %s',
  (origin) => {
    expect(fitsOrigin(aTicket(0), origin)).toBe(true)
  },
)
