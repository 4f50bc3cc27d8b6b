import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connectionOf } from '../../../src/infrastructure/cli/connection.ts'
import { CommandFailure } from '../../../src/interface-adapters/cli/exit-codes.ts'

const KEY = 'a-service-key-of-the-tests'
const KEYS = { SERVICE_KEYS: ` ${KEY} , another-one` }
let folder: string

beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'chat-auth-cli-'))))
afterAll(() => rmSync(folder, { recursive: true }))

const failureOf = (work: () => unknown): CommandFailure => {
  try {
    work()
  } catch (error) {
    if (error instanceof CommandFailure) return error
    throw error
  }
  return expect.fail('it did not fail')
}

describe('the address', () => {
  test.each([
    [{}, 'http://127.0.0.1:8010'],
    [{ INTERNAL_PORT: '9000' }, 'http://127.0.0.1:9000'],
    [{ INTERNAL_HOST: '0.0.0.0', INTERNAL_PORT: '9000' }, 'http://127.0.0.1:9000'],
    [{ INTERNAL_HOST: '::' }, 'http://[::1]:8010'],
    [{ INTERNAL_HOST: 'auth.internal' }, 'http://auth.internal:8010'],
  ])('of %j is %s', (settings, url) => {
    expect(connectionOf({}, { ...KEYS, ...settings }).url).toBe(url)
  })

  test.each([
    ['http://10.0.0.7:8010', 'http://10.0.0.7:8010'],
    ['https://auth.internal/operators/', 'https://auth.internal/operators'],
  ])('may be given: %s', (given, url) => {
    expect(connectionOf({ url: given }, { ...KEYS, INTERNAL_PORT: '0' }).url).toBe(url)
  })

  test.each(['localhost:8010', 'ftp://a', 'http://me:s3cret@a', 'http://a?b', ''])('is none: %j', (url) => {
    const { exitCode, message } = failureOf(() => connectionOf({ url }, KEYS))
    expect([exitCode, message]).toEqual([2, expect.stringContaining('--url')])
    expect(message).not.toContain('s3cret')
  })

  test('is unknown when the system chose the port, and wrong settings are told', () => {
    expect(failureOf(() => connectionOf({}, { ...KEYS, INTERNAL_PORT: '0' })).message).toContain('--url')
    expect(failureOf(() => connectionOf({}, { ...KEYS, INTERNAL_PORT: 'x' })).message).toContain(
      'INTERNAL_PORT',
    )
  })
})

describe('the service key', () => {
  test('is the first there is, and known by where it was found', () => {
    writeFileSync(join(folder, 'service-key'), `${KEY}-of-the-file\n`)
    const inFile = { DATA_DIR: folder }
    const settings = { ...inFile, ...KEYS }
    const own = { ...settings, CHAT_AUTH_SERVICE_KEY: 'own' }
    const found = [
      connectionOf({ key: 'option' }, own),
      connectionOf({}, own),
      connectionOf({}, settings),
      connectionOf({}, inFile),
    ]
    expect(found.map(({ key }) => [key.value, key.source])).toEqual([
      ['option', '--key'],
      ['own', 'CHAT_AUTH_SERVICE_KEY'],
      [KEY, 'SERVICE_KEYS, the first one'],
      [`${KEY}-of-the-file`, join(folder, 'service-key')],
    ])
  })

  test('is missing: that says where it was looked for', () => {
    const { exitCode, message } = failureOf(() => connectionOf({}, { DATA_DIR: join(folder, 'none') }))
    expect(exitCode).toBe(2)
    for (const place of [
      '--key',
      'CHAT_AUTH_SERVICE_KEY',
      'SERVICE_KEYS',
      join(folder, 'none', 'service-key'),
    ])
      expect(message).toContain(place)
  })

  test.each(['two words', 'a\nb', 'schlüssel', ''])('cannot be %j, which is not shown', (key) => {
    const { exitCode, message } = failureOf(() => connectionOf({ key }, {}))
    expect([exitCode, message]).toEqual([2, 'The key from --key holds what no key can hold.'])
  })
})
