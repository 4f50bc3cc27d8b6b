import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connectionOf } from '../../../src/infrastructure/cli/connection.ts'
import { CommandFailure } from '../../../src/interface-adapters/cli/exit-codes.ts'

const KEY = 'a-service-key-of-the-tests-that-is-long'
const KEYS = { SERVICE_KEYS: ` gateway:verify:another-${KEY} , ops:operate+moderate:${KEY}` }
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

describe('the address of the service', () => {
  test.each([
    [{}, 'http://127.0.0.1:8010'],
    [{ INTERNAL_PORT: '9000' }, 'http://127.0.0.1:9000'],
    [{ INTERNAL_HOST: '0.0.0.0', INTERNAL_PORT: '9000' }, 'http://127.0.0.1:9000'],
    [{ INTERNAL_HOST: '::' }, 'http://[::1]:8010'],
    [{ INTERNAL_HOST: 'auth.internal' }, 'http://auth.internal:8010'],
  ])('the settings %j lead to the internal listener at %s', (settings, url) => {
    expect(connectionOf({}, { ...KEYS, ...settings }).url).toBe(url)
  })

  test.each([
    ['http://10.0.0.7:8010', 'http://10.0.0.7:8010'],
    ['https://auth.internal/operators/', 'https://auth.internal/operators'],
  ])('--url %s overrides the settings', (given, url) => {
    expect(connectionOf({ url: given }, { ...KEYS, INTERNAL_PORT: '0' }).url).toBe(url)
  })

  test.each(['localhost:8010', 'ftp://a', 'http://me:s3cret@a', 'http://a?b', ''])(
    '--url %j is refused',
    (url) => {
      const { exitCode, message } = failureOf(() => connectionOf({ url }, KEYS))
      expect([exitCode, message]).toEqual([2, expect.stringContaining('--url')])
      expect(message).not.toContain('s3cret')
    },
  )

  test('INTERNAL_PORT=0 needs --url, and a wrong port is reported', () => {
    expect(failureOf(() => connectionOf({}, { ...KEYS, INTERNAL_PORT: '0' })).message).toContain('--url')
    expect(failureOf(() => connectionOf({}, { ...KEYS, INTERNAL_PORT: 'x' })).message).toContain(
      'INTERNAL_PORT',
    )
  })
})

describe('the service key', () => {
  test('the service key comes from the first source, of SERVICE_KEYS the one with the most scopes', () => {
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
      [KEY, 'SERVICE_KEYS, the key ops'],
      [`${KEY}-of-the-file`, join(folder, 'service-key')],
    ])
  })

  test('a missing service key is reported with all the sources', () => {
    const { exitCode, message } = failureOf(() => connectionOf({}, { DATA_DIR: join(folder, 'none') }))
    expect(exitCode).toBe(2)
    for (const source of [
      '--key',
      'CHAT_AUTH_SERVICE_KEY',
      'SERVICE_KEYS',
      join(folder, 'none', 'service-key'),
    ])
      expect(message).toContain(source)
  })

  test.each(['two words', 'a\nb', 'schlüssel', ''])(
    'the service key %j is refused without showing it',
    (key) => {
      const { exitCode, message } = failureOf(() => connectionOf({ key }, {}))
      expect([exitCode, message]).toEqual([
        2,
        'The key from --key contains a character that no key can have.',
      ])
    },
  )
})
