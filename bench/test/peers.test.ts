import { expect, test } from 'vitest'
import { betterAuth, chatAuth, type Person } from '../src/peers/dialects.ts'
import { readAnswer, type Answer } from '../src/peers/http.ts'

const lines = (...all: readonly string[]): string => all.join('\r\n')

const sized = lines('HTTP/1.1 200 OK', 'Content-Length: 5', '', 'hello')
const chunked = lines(
  'HTTP/1.1 401 Unauthorized',
  'transfer-encoding: chunked',
  '',
  '5',
  'a\r\nb0',
  'c',
  '0123456789ab',
  '0',
  '',
  '',
)
const empty = lines('HTTP/1.1 204 No Content', 'date: today', '', '')

test('the body of an answer is as long as it says, or made of chunks, or there is none', () => {
  expect(readAnswer(sized)?.answer).toMatchObject({ status: 200, body: 'hello' })
  expect(readAnswer(chunked)?.answer).toMatchObject({ status: 401, body: 'a\r\nb00123456789ab' })
  expect(readAnswer(empty)?.answer).toMatchObject({ status: 204, body: '' })
})

test.each([sized, chunked, empty])('an answer is read when it is whole, and no sooner', (whole) => {
  for (let length = 0; length < whole.length; length += 1)
    expect(readAnswer(whole.slice(0, length))).toBeUndefined()
  expect(readAnswer(whole)?.rest).toBe('')
})

test('what comes after an answer is left', () => {
  expect(readAnswer(chunked + sized)?.rest).toBe(sized)
})

const person: Person = { name: 'anna', email: 'anna@example.org', password: 'secret', address: '198.18.0.1' }
const theirs = betterAuth('http://127.0.0.1:1')
const answer = (status: number, body: unknown, head = ''): Answer => ({
  status,
  head,
  body: JSON.stringify(body),
})
const known = { user: { email: person.email } }

test('a session counts only when it is one, and of that person', () => {
  const head = lines(
    'HTTP/1.1 200 OK',
    'set-cookie: a.session_token=t%3D; Path=/',
    'set-cookie: a.session_data=d',
  )
  expect(theirs.credential(answer(200, known, head), person)).toBe('a.session_token=t%3D; a.session_data=d')
  expect(theirs.credential(answer(200, known), person)).toBeUndefined()
  expect(theirs.credential(answer(200, { user: { email: 'b@example.org' } }, head), person)).toBeUndefined()
  expect(chatAuth.credential(answer(201, { access_token: 'token' }), person)).toBe('token')
  expect(chatAuth.credential(answer(429, { access_token: 'token' }), person)).toBeUndefined()
})

test('who is named, and who is nobody, is told apart', () => {
  expect(theirs.names(answer(200, known), person)).toBe(true)
  expect(theirs.names(answer(200, null), person)).toBe(false)
  expect(theirs.isNobody(answer(200, null))).toBe(true)
  expect(theirs.isNobody(answer(200, known))).toBe(false)
  expect(chatAuth.names(answer(200, known.user), person)).toBe(true)
  expect(chatAuth.isNobody(answer(401, { code: 'session_ended' }))).toBe(true)
  expect(chatAuth.isNobody(answer(401, { code: 'invalid_access_token' }))).toBe(false)
})
