import { once } from 'node:events'
import { createServer } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createVerifier } from '../src/index.ts'
import { until } from './support/manual-clock.ts'
import { answer } from './support/stand-in-service.ts'
import { startWorld } from './support/world.ts'

const good = { url: 'http://127.0.0.1:9', serviceKey: 'a-key', issuer: 'https://auth.example' }

describe('options', () => {
  it.each([
    ['url', [undefined, '', 'auth:8010', '/v1', 'ftp://auth', 'http://name:password@auth', 7, 'file:///x']],
    ['serviceKey', [undefined, '', 'with space', 'line\nbreak', 'ü', 7]],
    ['issuer', [undefined, '', 7]],
    ['audience', ['', null, 7, ['chat']]],
    [
      'sharedSecret',
      [
        '',
        'x'.repeat(31),
        7,
        null,
        ` -----BEGIN PUBLIC KEY-----\n${'x'.repeat(64)}`,
        `{"kty":"RSA","n":"${'x'.repeat(64)}"}`,
        `ssh-rsa ${'x'.repeat(64)}`,
      ],
    ],
    ['maxStalenessMs', [1_999, 0, -1, NaN, Infinity, '5000', null]],
    ['whenStale', ['', 'Accept', null, 'ignore']],
    ['cacheSize', [-1, 1.5, NaN, '10', null]],
    ['onError', ['log', null, {}]],
  ])('with a wrong %s are refused by its name, without its value', (name, values) => {
    for (const value of values) {
      const create = () => createVerifier({ ...good, [name]: value })
      expect(create).toThrow(TypeError)
      expect(create).toThrow(name)
      if (typeof value === 'string' && value.length > 30) expect(create).not.toThrow(value)
    }
  })
})

describe('a verifier', () => {
  it('is not ready before keys and a snapshot are there', async () => {
    const { verifier, service, clock } = await startWorld({
      isReady: false,
      prepare: (it) => it.instead.set('/.well-known/jwks.json', (_, response) => answer(response, 503, {})),
    })
    await until(() => verifier.health().stalenessMs === 0)
    expect(verifier.health()).toMatchObject({ fresh: false, keyCount: 0 })
    let isReady = false
    const ready = verifier.ready().then(() => (isReady = true))
    await new Promise((resolve) => setImmediate(resolve))
    expect(isReady).toBe(false)
    service.instead.clear()
    await until(() => service.timesHeard('/.well-known/jwks.json') === 1)
    clock.pass(100)
    await ready
    expect(verifier.health()).toMatchObject({ fresh: true, keyCount: 1 })
  })

  it('says why it does not become ready in the time given', async () => {
    const { verifier, clock, errors } = await startWorld({
      isReady: false,
      serviceKey: 'another-key',
    })
    await until(() => errors.length > 0)
    const ready = verifier.ready({ timeoutMs: 300 })
    clock.pass(300)
    await expect(ready).rejects.toMatchObject({
      message: 'Not ready within 300 ms.',
      cause: { message: expect.stringContaining('serviceKey') as string },
    })
  })

  it('stops waiting when told so', async () => {
    const { verifier } = await startWorld({ isReady: false, prepare: (it) => (it.isFrozen = true) })
    const controller = new AbortController()
    const ready = verifier.ready({ signal: controller.signal })
    controller.abort(new Error('enough'))
    await expect(ready).rejects.toThrow('enough')
    await expect(verifier.ready({ signal: controller.signal })).rejects.toThrow('enough')
    const last = verifier.ready()
    await Promise.all([verifier.close(), expect(last).rejects.toThrow('closed')])
  })

  it('becomes ready once the service is there', async () => {
    const first = await startWorld()
    const port = Number(new URL(first.service.url).port)
    await first.verifier.close()
    await first.service.stop()
    const errors: Error[] = []
    const verifier = createVerifier({
      ...good,
      url: first.service.url,
      serviceKey: 'test-service-key-0123456789',
      audience: 'chat',
      onError: (error) => errors.push(error),
    })
    onTestFinished(() => verifier.close())
    await until(() => errors.length >= 2)
    await first.service.start(port)
    await verifier.ready()
    expect(await verifier.verify(first.token())).toMatchObject({ user_id: 7 })
  })

  it('closes once, from whoever asks, and lets go of all connections', async () => {
    const { verifier, service } = await startWorld()
    await Promise.all([verifier.close(), verifier.close()])
    await until(() => service.streams.size === 0)
    expect(verifier.health().connected).toBe(false)
  })

  it('keeps working when onError throws', async () => {
    const { verifier, service, clock } = await startWorld({
      onError: () => {
        throw new Error('of onError')
      },
    })
    service.cut()
    await until(() => !verifier.health().connected)
    clock.pass(100)
    await until(() => verifier.health().connected)
  })

  it('does not repeat itself in onError', async () => {
    const { verifier, service, clock, errors } = await startWorld()
    for (let round = 0; round < 3; round += 1) {
      service.cut()
      await until(() => !verifier.health().connected)
      clock.pass(2_000)
      await until(() => verifier.health().connected && verifier.health().stalenessMs === 0)
    }
    expect(new Set(errors.map(({ message }) => message)).size).toBe(errors.length)
  })

  it('survives a service that speaks no HTTP', async () => {
    const server = createServer((socket) => socket.on('error', () => undefined).end('SSH-2.0-OpenSSH\r\n'))
    await once(server.listen(0, '127.0.0.1'), 'listening')
    onTestFinished(() => void server.close())
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : 0
    const errors: Error[] = []
    const verifier = createVerifier({
      ...good,
      url: `http://127.0.0.1:${port ?? 0}`,
      onError: (error) => errors.push(error),
    })
    await until(() => errors.length >= 2)
    await verifier.close()
  })
})
