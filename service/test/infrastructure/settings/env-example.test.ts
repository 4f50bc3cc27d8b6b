// .env.example is the settings' documentation: it names what the code reads, and shows the true defaults.
import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { describe, expect, test } from 'vitest'
import { readConfig } from '../../src/infrastructure/config.ts'

const text = readFileSync(new URL('../../../.env.example', import.meta.url), 'utf8')
const withDefaults = text.replaceAll(/^# (?=[A-Z][A-Z_]*=)/gm, '')

/** Read by docker-compose alone. */
const readByCompose = ['POSTGRES_PASSWORD']

/** Every name the code asks its environment for. */
function settingsRead(): string[] {
  const names = new Set<string>()
  const environment = new Proxy<Record<string, string>>(
    {},
    {
      get: (_target, name) => {
        names.add(String(name))
        return undefined
      },
    },
  )
  readConfig(environment)
  return [...names].toSorted()
}

describe('.env.example', () => {
  test('names every setting that is read, and no other, once', () => {
    const named = [...withDefaults.matchAll(/^([A-Z][A-Z_]*)=/gm)].map(([, name]) => name ?? '')
    expect(named.toSorted()).toEqual([...settingsRead(), ...readByCompose].toSorted())
    expect(named.toSorted()).toEqual(Object.keys(parseEnv(withDefaults)).toSorted())
  })

  test('sets only what two commands need to work', () => {
    expect(Object.keys(parseEnv(text)).toSorted()).toEqual(['AUTH_SECRET', ...readByCompose])
  })

  test('is accepted as it stands, for either way to run', () => {
    const asItStands = parseEnv(text)
    expect(readConfig(asItStands)).toEqual({ ...readConfig({}), authSecret: asItStands['AUTH_SECRET'] })
    const url = `postgres://chat_auth:${asItStands['POSTGRES_PASSWORD'] ?? ''}@postgres:5432/chat_auth`
    expect(readConfig({ ...asItStands, DATABASE_URL: url }).databaseUrl).toBe(url)
  })

  test('shows the defaults: switched on as written, they change nothing', () => {
    const { DATABASE_URL, ...settings } = parseEnv(withDefaults)
    expect(readConfig(settings)).toEqual(readConfig(parseEnv(text)))
    // The one example among them: its default is to be unset.
    expect(readConfig({ ...settings, DATABASE_URL }).databaseUrl).toBe(DATABASE_URL)
  })

  test('is refused on a public address until it has a secret of its own', () => {
    expect(() => readConfig({ ...parseEnv(text), PUBLIC_URL: 'https://chat.example.org' })).toThrow(
      'AUTH_SECRET holds the public example',
    )
  })

  test('says something before every setting', () => {
    for (const paragraph of text.trim().split(/\n\n+/)) {
      const [first = ''] = paragraph.split('\n')
      expect(first, paragraph).toMatch(/^# (?![A-Z][A-Z_]*=)/)
    }
  })

  test('is plain enough for every reader of such files: no quotes, no blanks, no comment behind a value', () => {
    for (const [, value = ''] of withDefaults.matchAll(/^[A-Z][A-Z_]*=(.*)$/gm)) {
      expect(value).toMatch(/^[^\s"'#$]*$/)
    }
  })
})
