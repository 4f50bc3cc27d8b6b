// deploy/make-env.sh writes the .env that docker compose needs.
import { execFileSync } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { serviceKeyFindings } from '../../../src/infrastructure/doctor/service-key-findings.ts'
import { readConfig } from '../../../src/infrastructure/settings/config.ts'
import { exposedSecrets } from '../../../src/infrastructure/settings/exposed-secrets.ts'

const root = new URL('../../../../', import.meta.url).pathname
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'chat-auth-make-env-'))
  mkdirSync(join(folder, 'deploy'))
  for (const name of ['.env.example', 'deploy/make-env.sh']) cpSync(join(root, name), join(folder, name))
})
afterEach(() => rmSync(folder, { recursive: true }))

const run = (): string =>
  execFileSync('sh', ['-c', 'sh deploy/make-env.sh 2>&1'], { cwd: folder, encoding: 'utf8' })
const made = (): string => readFileSync(join(folder, '.env'), 'utf8')

/** The settings of a container: those of the file, and what the compose file overrides. */
const inContainer = (text: string) => {
  const settings = parseEnv(text)
  const { POSTGRES_PASSWORD: password = '' } = settings
  const DATABASE_URL = `postgres://chat_auth:${password}@postgres:5432/chat_auth`
  return readConfig({ ...settings, DATABASE_URL, HOST: '0.0.0.0', INTERNAL_HOST: '0.0.0.0' })
}

test(
  'the file is accepted in the containers of docker compose, and nothing in it is weak',
  { tags: ['OPS-20'] },
  () => {
    const shown = run()
    const config = inContainer(made())
    expect(exposedSecrets(config)).toEqual([])
    expect(serviceKeyFindings(config, config)).toMatchObject([{ status: 'ok' }])
    expect(config.serviceKeys.map(({ name }) => name)).toEqual(['gateway', 'ops'])
    expect(made()).toContain(readFileSync(join(root, '.env.example'), 'utf8'))
    expect(statSync(join(folder, '.env')).mode & 0o777).toBe(0o600)
    for (const secret of [config.authSecret ?? '', ...config.serviceKeys.map(({ secret }) => secret)])
      expect(shown).not.toContain(secret)
  },
)

test('every secret is another one, in every file', () => {
  run()
  const first = made()
  rmSync(join(folder, '.env'))
  run()
  const secrets = [first, made()].flatMap((text) => text.match(/[0-9a-f]{64}/g) ?? [])
  expect(new Set(secrets).size).toBe(8)
})

test('a .env that exists stays as it is, even a link that leads nowhere', () => {
  writeFileSync(join(folder, '.env'), 'LOG_LEVEL=debug\n')
  run()
  expect(made()).toBe('LOG_LEVEL=debug\n')
  rmSync(join(folder, '.env'))
  symlinkSync('elsewhere', join(folder, '.env'))
  run()
  expect(made).toThrow('ENOENT')
})

test('the compose files and the documentation name the script', () => {
  for (const name of [
    'docker-compose.yaml',
    'docker-compose.cluster.yaml',
    'README.md',
    'docs/operations.md',
  ])
    expect(readFileSync(join(root, name), 'utf8')).toContain('sh deploy/make-env.sh && docker compose')
})
