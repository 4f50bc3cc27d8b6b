import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { expectProblem } from '../../support/http-expectations.ts'
import { preparedFolder } from '../../support/prepared-folder.ts'
import { TestClient } from '../../support/test-client.ts'
import { startOn } from '../../support/test-service.ts'

async function startIn(place: Awaited<ReturnType<typeof preparedFolder>>) {
  const service = await startOn(place)
  onTestFinished(() => service.stop())
  const verifierKey = await readFile(join(place.settings.DATA_DIR, 'verifier-key'), 'utf8')
  const verifier = new TestClient(service.internalUrl, undefined, { token: verifierKey })
  return { service, verifier, verifierKey }
}

test(
  'the embedded service makes a key that only verifies, beside the key for everything',
  { tags: ['ACCESS-6'] },
  async () => {
    const place = await preparedFolder()
    const { service, verifier, verifierKey } = await startIn(place)
    expect(verifierKey).not.toBe(service.serviceKey)
    expect((await verifier.get('/v1/revocations')).status).toBe(200)
    const refused = await verifier.post('/v1/users/1/disable', { reason: 'Spam' })
    const { detail } = refused.body as { detail: string }
    expect(detail).toContain('"verifier" does not have the scope "moderate"')
    expectProblem(refused, 'insufficient_scope', { detail })
    expect((await service.operator().get('/v1/keys')).status).toBe(200)
    for (const name of ['service-key', 'verifier-key']) {
      expect((await stat(join(place.settings.DATA_DIR, name))).mode & 0o777).toBe(0o600)
    }
  },
)

test('the service key of an older data folder goes on working for operators', async () => {
  const place = await preparedFolder()
  const old = 'the-bare-key-of-an-older-data-folder-0123456789'
  await writeFile(join(place.settings.DATA_DIR, 'service-key'), `${old}\n`, { mode: 0o600 })
  const { service, verifier } = await startIn(place)
  const operator = new TestClient(service.internalUrl, undefined, { token: old })
  expect((await operator.get('/v1/doctor')).status).toBe(200)
  expect((await verifier.get('/v1/revocations')).status).toBe(200)
})

test(
  'the doctor has nothing against the keys of the embedded service on loopback',
  { tags: ['ACCESS-6'] },
  async () => {
    const { service } = await startIn(await preparedFolder())
    const { findings } = (await service.operator().get('/v1/doctor')).body as {
      findings: { check: string }[]
    }
    expect(findings.filter(({ check }) => check === 'service_keys')).toMatchObject([{ status: 'ok' }])
  },
)
