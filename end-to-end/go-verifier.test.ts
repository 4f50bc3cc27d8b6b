// The tests of the Go verifier, run by `go test`: alone, and against the real service.
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { requireGo } from '../scripts/go/find-go.ts'
import { startTestService } from '../service/test/support/test-service.ts'
import { provenSessions } from './proven-sessions.ts'
import { recordTested, requireLanguage, runToEnd } from './languages.ts'

const folder = join(import.meta.dirname, '../verifiers/go')

/** Far more than the tests take: a slow machine must not fail them, and compiles the standard library first. */
const LIMIT_MS = 900_000

/** A line of `go test -json`. */
interface TestEvent {
  readonly Action: string
  readonly Test?: string
  readonly Output?: string
}

/** A running service and users who can sign in, as the Go tests read them. */
async function describeService(): Promise<string> {
  const service = await startTestService('PGlite')
  onTestFinished(() => service.stop())
  const users = []
  for (let count = 0; count < 20; count += 1) users.push(await service.client().register())
  const { password, code, recoveryCode } = await provenSessions(service)
  return JSON.stringify({
    url: service.url,
    internalUrl: service.internalUrl,
    serviceKey: service.serviceKey,
    issuer: 'http://localhost:8000',
    audience: 'chat',
    users,
    proven: {
      password: password.access_token,
      code: code.access_token,
      recoveryCode: recoveryCode.access_token,
    },
  })
}

test(
  'the Go verifier passes its tests, also against the real service',
  { timeout: LIMIT_MS, tags: ['VERIFIER-11'] },
  async (context) => {
    const go = requireLanguage('Go', requireGo, context.skip)
    const env = { ...go.env, CHAT_AUTH_TEST_SERVICE: await describeService() }
    const { code, output } = await runToEnd(go.path, ['test', '-json', '-count=1', './...'], {
      cwd: folder,
      env,
    })
    const events = output.split('\n').flatMap(parsed)
    const ofTests = (action: string) =>
      events.filter(({ Action, Test }) => Action === action && Test !== undefined)
    const words = events.map(({ Output = '' }) => Output).join('')
    expect(
      ofTests('fail').map(({ Test }) => Test),
      words,
    ).toEqual([])
    expect(ofTests('skip').map(({ Test }) => Test)).toEqual([])
    expect(code, words).toBe(0)
    recordTested('Go', go.version, ofTests('pass').length)
  },
)

function parsed(line: string): TestEvent[] {
  try {
    return [JSON.parse(line) as TestEvent]
  } catch {
    // Messages of the compiler are not JSON.
    return line === '' ? [] : [{ Action: 'output', Output: `${line}\n` }]
  }
}

test(
  'the sources of the Go verifier are formatted and pass go vet',
  { timeout: LIMIT_MS },
  async ({ skip }) => {
    const go = requireLanguage('Go', requireGo, skip)
    const vet = await runToEnd(go.path, ['vet', './...'], { cwd: folder, env: go.env })
    expect(vet, vet.output).toMatchObject({ code: 0 })
    const format = await runToEnd(join(go.path, '../gofmt'), ['-l', '.'], { cwd: folder, env: go.env })
    expect(format).toEqual({ code: 0, output: '' })
  },
)
