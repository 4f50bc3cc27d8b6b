import { describe, expect, test } from 'vitest'
import { SCOPES } from '../../../src/domain/service-key.ts'
import { readConfig } from '../../../src/infrastructure/settings/config.ts'

const secret = 'a-secret-of-this-test-that-is-long/+='
const other = 'another-secret-of-this-test-that-is-long'
const form =
  '  SERVICE_KEYS must hold keys of the form name:scope+scope:secret, such as gateway:verify:SECRET, separated by commas; '
const scopes = 'the scopes are verify, lookup, users:read, moderate, roles, audit, operate'
const makeOne = 'make one with: openssl rand -base64 32'

const read = (SERVICE_KEYS: string) => readConfig({ SERVICE_KEYS }).serviceKeys
function refusal(text: string): string {
  try {
    read(text)
    return 'accepted'
  } catch (error) {
    return (error as Error).message.replace('The settings need attention:\n', '')
  }
}

describe('SERVICE_KEYS', () => {
  test('a service key has a name, scopes and a secret', () => {
    expect(read(`gateway:verify:${secret}, ops_2:operate+users:read+audit:${other},`)).toEqual([
      { name: 'gateway', scopes: ['verify'], secret },
      { name: 'ops_2', scopes: ['users:read', 'audit', 'operate'], secret: other },
    ])
    expect(read(`ops:${SCOPES.join('+')}:${secret}`)).toEqual([{ name: 'ops', scopes: SCOPES, secret }])
  })

  test('a scope that contains a colon may stand alone or first', () => {
    expect(read(`reader:users:read:${secret}`)).toEqual([{ name: 'reader', scopes: ['users:read'], secret }])
    expect(read(`reader:users:read+roles:${secret}`)[0]?.scopes).toEqual(['users:read', 'roles'])
  })

  test('two keys may share a name with other scopes, while one replaces the other', () => {
    const keys = read(`gateway:verify:${secret},gateway:verify+lookup:${other}`)
    expect(keys.map(({ name }) => name)).toEqual(['gateway', 'gateway'])
  })

  test('without SERVICE_KEYS there are no keys', () => {
    expect(readConfig({}).serviceKeys).toEqual([])
  })

  const wrongName = 'needs a name of 1 to 32 small letters, digits, - and _ that begins with a letter'
  const refused: [string, string, string][] = [
    ['a bare secret', secret, 'key 1 does not have these three parts'],
    ['a key without scopes', `gateway:${secret}`, 'key 1 does not have these three parts'],
    [
      'the second key being bare',
      `gateway:verify:${other},${secret}`,
      'key 2 does not have these three parts',
    ],
    ['an empty list of scopes', `gateway::${secret}`, `key 1 has no scope; ${scopes}`],
    ['an unknown scope', `gateway:verfy:${secret}`, `key 1 has an unknown scope; ${scopes}`],
    [
      'an unknown scope among others',
      `gateway:verify+all:${secret}`,
      `key 1 has an unknown scope; ${scopes}`,
    ],
    ['an empty scope among others', `gateway:verify+:${secret}`, `key 1 has an unknown scope; ${scopes}`],
    ['the parts in another order', `gateway:${secret}:verify`, `key 1 has an unknown scope; ${scopes}`],
    ['the secret first', `${secret}:verify:gateway`, `key 1 ${wrongName}`],
    ['no name', `:verify:${secret}`, `key 1 ${wrongName}`],
    ['a name with capital letters', `Gateway:verify:${secret}`, `key 1 ${wrongName}`],
    ['a name that breaks a line', `gate\nway:verify:${secret}`, `key 1 ${wrongName}`],
    ['a name of 33 characters', `${'g'.repeat(33)}:verify:${secret}`, `key 1 ${wrongName}`],
    [
      'a short secret',
      'gateway:verify:hush-key',
      `key 1 has a weak secret, which needs at least 32 characters; ${makeOne}`,
    ],
    [
      'a secret of one character',
      `gateway:verify:${'a'.repeat(40)}`,
      `key 1 has a weak secret, which needs at least 10 different characters; ${makeOne}`,
    ],
    [
      'no secret',
      'gateway:verify:',
      `key 1 has a weak secret, which needs at least 32 characters; ${makeOne}`,
    ],
    [
      'a secret that a header cannot carry',
      `gateway:verify:${secret} and more`,
      `key 1 has a secret with other characters than letters, digits and - . _ ~ + /, with = at the end; ${makeOne}`,
    ],
    [
      'one secret under two names',
      `gateway:verify:${secret},ops:operate:${secret}`,
      `key 2 has the secret of another key; ${makeOne}`,
    ],
  ]
  test.each(refused)(
    'SERVICE_KEYS with %s stops the start with one line',
    { tags: ['ACCESS-4'] },
    (_, text, line) => {
      const message = refusal(text)
      expect(message).toBe(form + line)
      for (const hidden of [secret, other, 'hush-key']) expect(message).not.toContain(hidden)
    },
  )
})
