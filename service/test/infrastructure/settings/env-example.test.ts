// .env.example documents the settings: it names those that the code reads, and shows their real defaults.
import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { describe, expect, test } from 'vitest'
import { readConfig } from '../../../src/infrastructure/settings/config.ts'

const text = readFileSync(new URL('../../../../.env.example', import.meta.url), 'utf8')
const withDefaults = text.replaceAll(/^# (?=[A-Z][A-Z_]*=)/gm, '')

/** Read only by docker compose. */
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
  test('.env.example names exactly the settings that are read, each one once', () => {
    const named = [...withDefaults.matchAll(/^([A-Z][A-Z_]*)=/gm)].map(([, name]) => name ?? '')
    expect(named.toSorted()).toEqual([...settingsRead(), ...readByCompose].toSorted())
    expect(named.toSorted()).toEqual(Object.keys(parseEnv(withDefaults)).toSorted())
  })

  test('.env.example sets only the settings that a first run needs', () => {
    expect(Object.keys(parseEnv(text)).toSorted()).toEqual(['AUTH_SECRET', ...readByCompose])
  })

  test('.env.example is accepted unchanged, embedded and with PostgreSQL', () => {
    const asItStands = parseEnv(text)
    expect(readConfig(asItStands)).toEqual({ ...readConfig({}), authSecret: asItStands['AUTH_SECRET'] })
    const url = `postgres://chat_auth:${asItStands['POSTGRES_PASSWORD'] ?? ''}@postgres:5432/chat_auth`
    expect(readConfig({ ...asItStands, DATABASE_URL: url }).databaseUrl).toBe(url)
  })

  test('.env.example shows the defaults: uncommented, they change nothing', () => {
    const { DATABASE_URL, DATABASE_DIRECT_URL, ...settings } = parseEnv(withDefaults)
    expect(readConfig(settings)).toEqual(readConfig(parseEnv(text)))
    // These show examples. By default they are unset.
    const { databaseUrl, databaseDirectUrl } = readConfig({ ...settings, DATABASE_URL, DATABASE_DIRECT_URL })
    expect([databaseUrl, databaseDirectUrl]).toEqual([DATABASE_URL, DATABASE_DIRECT_URL])
  })

  test('.env.example is refused on a public address until AUTH_SECRET is replaced', () => {
    expect(() => readConfig({ ...parseEnv(text), PUBLIC_URL: 'https://chat.example.org' })).toThrow(
      'AUTH_SECRET holds the public example',
    )
  })

  test('.env.example explains every setting', () => {
    for (const paragraph of text.trim().split(/\n\n+/)) {
      const [first = ''] = paragraph.split('\n')
      expect(first, paragraph).toMatch(/^# (?![A-Z][A-Z_]*=)/)
    }
  })

  test('.env.example has no quotes, spaces or comments in values, so that every parser reads it', () => {
    for (const [, value = ''] of withDefaults.matchAll(/^[A-Z][A-Z_]*=(.*)$/gm)) {
      expect(value).toMatch(/^[^\s"'#$]*$/)
    }
  })
})
