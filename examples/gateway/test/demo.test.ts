import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import { requireBrowser } from '../../../scripts/chromium/find-browser.ts'
import { DemoProcess } from './support/demo-process.ts'
import { Visitor } from './support/visitor.ts'

// Each starts a demo of its own, which takes a while on a busy machine.
vi.setConfig({ testTimeout: 90_000 })

const startDemo = (settings?: Record<string, string>): DemoProcess => {
  const demo = new DemoProcess(settings)
  onTestFinished(() => demo.stop())
  return demo
}

/** A port on which somebody listens already. */
const takenPort = async (): Promise<string> => {
  const server = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  return String((server.address() as AddressInfo).port)
}

const isResponding = (url: string): Promise<boolean> =>
  fetch(url).then(
    () => true,
    () => false,
  )

test('Ctrl-C closes the sockets with 1001 and ends the gateway and chat-auth', async () => {
  const demo = await startDemo().ready()
  const socket = await (await Visitor.arrive(demo)).enter()
  demo.pressCtrlC()
  expect(await socket.closed).toBe(1001)
  expect(await demo.exited).toBe(0)
  expect(await Promise.all([demo.url, `${demo.authUrl}/health/live`].map(isResponding))).toEqual([
    false,
    false,
  ])
})

test('when chat-auth dies, the demo says so and ends', async () => {
  const demo = await startDemo().ready()
  process.kill(demo.authPid, 'SIGKILL')
  expect(await demo.exited).toBe(1)
  expect(demo.words).toContain('chat-auth has ended')
})

test('a port of the gateway that is in use is named, with the setting to change', async () => {
  const port = await takenPort()
  const demo = startDemo({ GATEWAY_PORT: port })
  expect(await demo.exited).toBe(1)
  expect(demo.words).toContain(`Port ${port} is in use. Stop what uses it, or set GATEWAY_PORT.`)
})

test('a port of chat-auth that is in use is named, with the settings to change', async () => {
  const port = await takenPort()
  const demo = startDemo({ PORT: port })
  expect(await demo.exited).toBe(1)
  expect(demo.words).toContain(`Port ${port} is in use. Stop what uses it, or set PORT and INTERNAL_PORT.`)
})

test('a port that is none is named', async () => {
  const demo = startDemo({ GATEWAY_PORT: 'http' })
  expect(await demo.exited).toBe(1)
  expect(demo.words).toContain('GATEWAY_PORT')
})

test('a browser that is not where CHROMIUM_PATH says fails the browser test with what to do', () => {
  const before = process.env['CHROMIUM_PATH']
  onTestFinished(() => {
    if (before === undefined) delete process.env['CHROMIUM_PATH']
    else process.env['CHROMIUM_PATH'] = before
  })
  process.env['CHROMIUM_PATH'] = '/nowhere/chromium'
  expect(requireBrowser).toThrow('CHROMIUM_PATH is /nowhere/chromium, which is not a program')
})
