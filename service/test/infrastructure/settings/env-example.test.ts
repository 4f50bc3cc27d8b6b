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

  test('.env.example sets nothing, so that a copy of it holds no secret that others know', () => {
    expect(parseEnv(text)).toEqual({})
  })

  test('.env.example shows the defaults: uncommented, they change nothing', () => {
    const { DATABASE_URL, DATABASE_DIRECT_URL, ...settings } = parseEnv(withDefaults)
    expect(readConfig(settings)).toEqual(readConfig(parseEnv(text)))
    // These show examples. By default they are unset.
    const secret = { AUTH_SECRET: 'a secret of this test that is long enough' }
    const { databaseUrl, databaseDirectUrl } = readConfig({
      ...settings,
      ...secret,
      DATABASE_URL,
      DATABASE_DIRECT_URL,
    })
    expect([databaseUrl, databaseDirectUrl]).toEqual([DATABASE_URL, DATABASE_DIRECT_URL])
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
