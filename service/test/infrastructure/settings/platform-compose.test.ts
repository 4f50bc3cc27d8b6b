// docker-compose.platform.yaml and docs/platform.md fit each other and the settings of the service.
import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { expect, test } from 'vitest'
import { readConfig } from '../../../src/infrastructure/settings/config.ts'

const read = (name: string) => readFileSync(new URL(`../../../../${name}`, import.meta.url), 'utf8')
const compose = read('docker-compose.platform.yaml')
const page = read('docs/platform.md')

/** The lines of the service `auth_backend`, and those of its environment. */
const service = /^ {2}auth_backend:\n((?: {4}.*\n|\n)+)/m.exec(compose)?.[1] ?? ''
const environment = /^ {4}environment:\n((?: {6}.*\n)+)/m.exec(service)?.[1] ?? ''

/** The first block of the page: what the operator adds to .env. */
const added = parseEnv(/```sh\n([^]*?)```/.exec(page)?.[1] ?? '')

const secret = 'q7Zr4kW9xTn2LmB8vYc5HsD1fJgP6uEa'
const dotEnv: NodeJS.Dict<string> = {
  ...added,
  KEY: secret,
  TRUSTED_PROXIES: '172.18.0.5',
  AUTH_SECRET: 'Yw3nK8pQ1sVd6RtXz0GhJm4LbC7fNe2U',
  POSTGRES_PASSWORD: 'hush',
}

/** As docker compose reads `${NAME}` and `${NAME:?message}`. */
const substituted = (text: string): string =>
  text.replaceAll(/\$\{(\w+)(?::\?[^}]*)?\}/g, (_, name: string) => dotEnv[name] ?? `no ${name}`)

const settings = Object.fromEntries(
  environment
    .split('\n')
    .map((line) => /^\s+([A-Z_]+): (.*)$/.exec(line))
    .filter((match) => match !== null)
    .map(([, name = '', value = '']) => [name, substituted(value.replaceAll(/^'|'$/g, ''))]),
)

test('the settings of docker-compose.platform.yaml are accepted, with those that the page adds to .env', () => {
  const config = readConfig({ ...dotEnv, ...settings })
  expect(config).toMatchObject({
    databaseUrl: 'postgres://chat_auth:hush@postgres:5432/chat_auth',
    port: 8000,
    internalPort: 8010,
    tokenAlgorithm: 'HS256',
    tokenSharedSecret: secret,
    tokenAudience: undefined,
    messagingUrl: 'http://messaging_backend:8000',
    platformOpenLookup: true,
    publicUrl: 'https://chat.example.org',
    corsOrigins: ['https://chat.example.org'],
    trustedProxies: ['172.18.0.5'],
  })
})

test('every setting of the compose file is named by the page, and a missing one stops the start', () => {
  const own = ['HOST', 'PORT', 'INTERNAL_HOST']
  const names = Object.keys(settings).filter((name) => !own.includes(name))
  expect(names.filter((name) => !page.includes(`\`${name}\``))).toEqual([])
  for (const name of ['KEY', 'MESSAGING_URL']) expect(compose).toContain(`\${${name}:?`)
})

test('the service joins the network of the platform under the name of the older one', () => {
  expect(service).toContain('      chat-network:\n        aliases: [auth_backend]\n')
  expect(compose).toMatch(/^ {2}chat-network:\n {4}external: true$/m)
  // The database does not.
  const postgres = /^ {2}postgres:\n((?: {4}.*\n|\n)+)/m.exec(compose)?.[1] ?? ''
  expect(postgres).toContain('    networks: [database]\n')
})

test('the service ends before docker compose kills it, and no port is published', () => {
  expect(service).toContain('stop_grace_period: 10s')
  expect(compose).not.toContain('ports:')
})
