import { expect, test } from 'vitest'
import { betterAuth, chatAuth, type BenchUser } from '../src/peers/dialects.ts'
import { readResponse, type Response } from '../src/http/response.ts'

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

test('a response body has the announced length, is chunked, or is empty', () => {
  expect(readResponse(sized)?.response).toMatchObject({ status: 200, body: 'hello' })
  expect(readResponse(chunked)?.response).toMatchObject({ status: 401, body: 'a\r\nb00123456789ab' })
  expect(readResponse(empty)?.response).toMatchObject({ status: 204, body: '' })
})

test.each([sized, chunked, empty])('a response is read when it is complete, and not before', (whole) => {
  for (let length = 0; length < whole.length; length += 1)
    expect(readResponse(whole.slice(0, length))).toBeUndefined()
  expect(readResponse(whole)?.rest).toBe('')
})

test('bytes after a response are kept for the next one', () => {
  expect(readResponse(chunked + sized)?.rest).toBe(sized)
})

const person: BenchUser = {
  name: 'anna',
  email: 'anna@example.org',
  password: 'secret',
  address: '198.18.0.1',
}
const theirs = betterAuth('http://127.0.0.1:1')
const response = (status: number, body: unknown, head = ''): Response => ({
  status,
  head,
  body: JSON.stringify(body),
})
const known = { user: { email: person.email } }

test('a response counts as a sign-in only with a session of that user', () => {
  const head = lines(
    'HTTP/1.1 200 OK',
    'set-cookie: a.session_token=t%3D; Path=/',
    'set-cookie: a.session_data=d',
  )
  expect(theirs.credential(response(200, known, head), person)).toBe('a.session_token=t%3D; a.session_data=d')
  expect(theirs.credential(response(200, known), person)).toBeUndefined()
  expect(theirs.credential(response(200, { user: { email: 'b@example.org' } }, head), person)).toBeUndefined()
  expect(chatAuth.credential(response(201, { access_token: 'token' }), person)).toBe('token')
  expect(chatAuth.credential(response(429, { access_token: 'token' }), person)).toBeUndefined()
})

test('a response names the user or says that nobody is signed in', () => {
  expect(theirs.names(response(200, known), person)).toBe(true)
  expect(theirs.names(response(200, null), person)).toBe(false)
  expect(theirs.isNobody(response(200, null))).toBe(true)
  expect(theirs.isNobody(response(200, known))).toBe(false)
  expect(chatAuth.names(response(200, known.user), person)).toBe(true)
  expect(chatAuth.isNobody(response(401, { code: 'session_ended' }))).toBe(true)
  expect(chatAuth.isNobody(response(401, { code: 'invalid_access_token' }))).toBe(false)
})
