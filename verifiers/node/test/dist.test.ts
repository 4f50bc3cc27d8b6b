import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { randomUUID } from 'node:crypto'
import { startWorld } from './support/world.ts'
import { serviceKey } from './support/stand-in-service.ts'

const run = promisify(execFile)

/** As whoever installed the package writes it: plain JavaScript, no flags. */
const script = `
  import { createVerifier, TokenRefused } from '@chat-auth/verifier'
  const [url, serviceKey, good, ended] = process.argv.slice(1)
  const verifier = createVerifier({ url, serviceKey, issuer: 'https://auth.example', audience: 'chat' })
  await verifier.ready({ timeoutMs: 20_000 })
  const { user_id } = await verifier.verify(good)
  const refusal = await verifier.verify(ended).catch((error) => error)
  console.log(JSON.stringify({ user_id, isRefused: refusal instanceof TokenRefused, code: refusal.code, reason: refusal.reason }))
  if (process.argv[5] === 'close') await verifier.close()
`

describe('the built package', () => {
  test.each(['close', 'forget to close'])(
    'the built package works in a plain process, which then exits: %s',
    async (ending) => {
      const { service, token } = await startWorld()
      const sid = randomUUID()
      service.revoke(sid, { reason: 'signed_out' })
      const options = [
        '--input-type=module',
        '--eval',
        script,
        service.url,
        serviceKey,
        token(),
        token({ sid }),
        ending,
      ]
      const { stdout, stderr } = await run(process.execPath, options, { cwd: import.meta.dirname })
      expect(stderr).toBe('')
      expect(JSON.parse(stdout)).toEqual({
        user_id: 7,
        isRefused: true,
        code: 'session_ended',
        reason: 'signed_out',
      })
    },
  )
})
