import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { describe, expect, test, onTestFinished } from 'vitest'
import { createVerifier } from '../src/index.ts'
import { until } from './support/manual-clock.ts'
import { answer } from './support/stand-in-service.ts'
import { startWorld } from './support/world.ts'

const good = { url: 'http://127.0.0.1:9', serviceKey: 'a-key', issuer: 'https://auth.example' }

describe('options', () => {
  test.each([
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
  ])('options with a wrong %s are refused with its name and without its value', (name, values) => {
    for (const value of values) {
      const create = () => createVerifier({ ...good, [name]: value })
      expect(create).toThrow(TypeError)
      expect(create).toThrow(name)
      if (typeof value === 'string' && value.length > 30) expect(create).not.toThrow(value)
    }
  })
})

describe('a verifier', () => {
  test('a verifier is not ready before keys and a snapshot are loaded', async () => {
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

  test('ready() rejects with the reason after timeoutMs', async () => {
    const { verifier, clock, errors } = await startWorld({
      isReady: false,
      prepare: (it) => it.instead.set('/v1/revocations/stream', (_, response) => answer(response, 503, {})),
    })
    await until(() => errors.length > 0)
    const ready = verifier.ready({ timeoutMs: 300 })
    clock.pass(300)
    await expect(ready).rejects.toMatchObject({
      message: expect.stringContaining('Not ready within 300 ms.') as string,
      cause: { message: expect.stringContaining('503') as string },
    })
  })

  test('ready() rejects when its signal is aborted', async () => {
    const { verifier } = await startWorld({ isReady: false, prepare: (it) => (it.isFrozen = true) })
    const controller = new AbortController()
    const ready = verifier.ready({ signal: controller.signal })
    controller.abort(new Error('enough'))
    await expect(ready).rejects.toThrow('enough')
    await expect(verifier.ready({ signal: controller.signal })).rejects.toThrow('enough')
    const last = verifier.ready()
    await Promise.all([verifier.close(), expect(last).rejects.toThrow('closed')])
  })

  test('a verifier becomes ready when the service starts later', async () => {
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

  test('close() may be called several times and closes all connections', async () => {
    const { verifier, service } = await startWorld()
    await Promise.all([verifier.close(), verifier.close()])
    await until(() => service.streams.size === 0)
    expect(verifier.health().connected).toBe(false)
  })

  test('a verifier keeps working when onError throws', async () => {
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

  test('onError gets the same message only once in 30 seconds', async () => {
    const { verifier, service, clock, errors } = await startWorld()
    for (let round = 0; round < 3; round += 1) {
      service.cut()
      await until(() => !verifier.health().connected)
      clock.pass(2_000)
      await until(() => verifier.health().connected && verifier.health().stalenessMs === 0)
    }
    expect(new Set(errors.map(({ message }) => message)).size).toBe(errors.length)
  })

  test('a verifier survives a service that does not speak HTTP', async () => {
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

  describe('with a wrong setting', { tags: ['VERIFIER-4'] }, () => {
    test.each([
      [401, 'serviceKey'],
      [403, 'serviceKey'],
      [404, 'internal listener'],
    ])('a status of %s from the feed rejects ready() immediately', async (status, advice) => {
      const { verifier, service, clock } = await startWorld({
        isReady: false,
        prepare: (it) =>
          it.instead.set('/v1/revocations/stream', (_, response) => answer(response, status, {})),
      })
      // No time passes on the verifier's clock.
      const ready = verifier.ready().catch((error: unknown) => error)
      expect(await ready).toMatchObject({ message: expect.stringContaining(advice) as string })
      expect(await verifier.ready().catch((error: unknown) => error)).toMatchObject({
        message: expect.stringContaining(`status ${status}`) as string,
      })
      service.instead.clear()
      clock.pass(5_000)
      await until(() => verifier.health().fresh)
      await verifier.ready()
    })

    test.each([
      ['a dead port', undefined, 'ECONNREFUSED'],
      ['a web page', 'text/html', 'no web page'],
    ])('%s rejects ready() after a while and says what to check', async (_name, type, cause) => {
      const { verifier, service, clock, errors } = await startWorld({
        isReady: false,
        prepare: (it) =>
          it.instead.set('/v1/revocations/stream', (_heard, response) => {
            if (type === undefined) response.destroy()
            else response.writeHead(200, { 'content-type': type }).end('<html>')
          }),
      })
      if (type === undefined) await service.stop()
      const ready = verifier.ready({ timeoutMs: 1_000 }).catch((error: unknown) => error)
      await until(() => errors.length > 0)
      if (type === undefined) {
        clock.pass(100)
        await until(() => errors.some(({ message }) => message.includes('ECONNREFUSED')))
      }
      clock.pass(1_000)
      const { message } = (await ready) as Error
      const byDefault = verifier.ready().catch((error: unknown) => error)
      clock.pass(30_000)
      expect(await byDefault).toMatchObject({
        message: expect.stringContaining('Not ready within 30000 ms.') as string,
      })
      for (const text of ['1000 ms', cause, 'port 8010', 'serviceKey']) expect(message).toContain(text)
    })

    test('TLS to a port without TLS rejects ready() after its limit and says what to check', async () => {
      const plain = createServer((socket) =>
        socket.on('error', () => undefined).end('HTTP/1.1 400 Bad\r\n\r\n'),
      )
      await once(plain.listen(0, '127.0.0.1'), 'listening')
      onTestFinished(() => void plain.close())
      const url = `https://127.0.0.1:${(plain.address() as AddressInfo).port}`
      const { verifier, clock, errors } = await startWorld({ isReady: false, url })
      await until(() => errors.length >= 2)
      const ready = verifier.ready({ timeoutMs: 1_000 }).catch((error: unknown) => error)
      clock.pass(1_000)
      const { message } = (await ready) as Error
      for (const text of [/Not ready within 1000 ms/, /EPROTO|SSL|wrong version/i, /Check that url/]) {
        expect(message).toMatch(text)
      }
      expect(verifier.health()).toMatchObject({ fresh: false, keyCount: 0 })
    })

    test('a wrong address of the keys alone is reported with its status, and ready() rejects', async () => {
      const { verifier, clock, errors } = await startWorld({
        isReady: false,
        prepare: (it) => it.instead.set('/.well-known/jwks.json', (_, response) => answer(response, 404, {})),
      })
      await until(() => verifier.health().connected && errors.length > 0)
      expect(errors.map(({ message }) => message)).toEqual([expect.stringMatching(/keys.*404/)])
      const ready = verifier.ready({ timeoutMs: 1_000 }).catch((error: unknown) => error)
      clock.pass(1_000)
      expect(await ready).toMatchObject({ message: expect.stringContaining('1000 ms') as string })
      expect(verifier.health()).toMatchObject({ fresh: false, keyCount: 0 })
    })

    test('with a wrong issuer a verifier is ready and refuses every token', async () => {
      const { verifier, token } = await startWorld({ issuer: 'https://other.example' })
      const refusal = await verifier.verify(token()).catch((error: unknown) => error)
      expect(refusal).toMatchObject({ code: 'wrong_issuer' })
    })

    test('a wrong setting is logged once without onError, and not at all with a silent one', async () => {
      const logged: unknown[][] = []
      const original = console.error
      console.error = (...values: unknown[]) => logged.push(values)
      onTestFinished(() => void (console.error = original))
      const prepare: NonNullable<Parameters<typeof startWorld>[0]>['prepare'] = (it) =>
        it.instead.set('/v1/revocations/stream', (_, response) => answer(response, 401, {}))
      const { service, clock } = await startWorld({ isReady: false, onError: undefined, prepare })
      for (let attempt = 1; attempt <= 8; attempt += 1) {
        await until(() => service.timesHeard('/v1/revocations/stream') === attempt)
        for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve))
        clock.pass(5_000)
      }
      expect(logged).toEqual([[expect.stringMatching(/^@chat-auth\/verifier: .*401.*serviceKey/)]])
      const silent = await startWorld({ isReady: false, onError: () => undefined, prepare })
      await until(() => silent.service.timesHeard('/v1/revocations/stream') === 1)
      expect(logged).toHaveLength(1)
    })
  })
})
