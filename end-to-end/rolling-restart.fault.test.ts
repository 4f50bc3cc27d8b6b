// An upgrade, as operators do it: one instance after the other is stopped and started again behind a load balancer.
import { once } from 'node:events'
import { connect as connectTo, createServer, type AddressInfo, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { startServiceProcess, type ServiceProcess } from '../service/test/support/service-process.ts'
import { migratedDatabase } from '../service/test/support/test-service.ts'
import type { Verifier } from '../verifiers/node/src/index.ts'
import {
  ACCEPTED,
  behind,
  connect,
  endedAs,
  verdictOnToken,
  signedIn,
  signOut,
  ReportedEnds,
  waitUntil,
} from './connected.ts'

const VERIFIERS = 20

/** Gives each connection to the next instance that takes it. */
async function startBalancer(targets: () => readonly string[]): Promise<{ port: number }> {
  const sockets = new Set<Socket>()
  let turn = 0

  function pass(near: Socket, [target, ...others]: readonly string[]): void {
    if (target === undefined) {
      near.destroy()
      return
    }
    const far = connectTo(Number(new URL(target).port), '127.0.0.1')
    const next = () => pass(near, others)
    far.once('error', next)
    far.once('connect', () => {
      far.off('error', next)
      join(near, far)
      join(far, near)
    })
  }

  function join(from: Socket, to: Socket): void {
    sockets.add(from)
    from.pipe(to)
    from.on('error', () => to.destroy())
    from.on('close', () => {
      sockets.delete(from)
      to.destroy()
    })
  }

  const server = createServer((near) => {
    const all = targets()
    turn = (turn + 1) % all.length
    near.on('error', () => undefined)
    pass(near, [...all.slice(turn), ...all.slice(0, turn)])
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return { port: (server.address() as AddressInfo).port }
}

/** Hears of every moment in which a verifier is stale: then its guard lets go of the socket it holds. */
async function closingsOf(verifier: Verifier, token: string): Promise<number[]> {
  const closings: number[] = []
  const claims = await verifier.verify(token)
  verifier.guardSockets().hold({ close: (code) => closings.push(code), once: () => undefined }, claims)
  return closings
}

test('a rolling restart leaves no verifier stale and no ended session accepted', async () => {
  const place = await migratedDatabase()
  onTestFinished(place.remove)
  const start = () => startServiceProcess(place.settings)
  const instances: [ServiceProcess, ServiceProcess] = await Promise.all([start(), start()])
  onTestFinished(async () => {
    await Promise.all(instances.map((instance) => instance.stop()))
  })
  const balancer = await startBalancer(() => instances.map(({ internalUrl }) => internalUrl))
  const through = behind(balancer, instances[0])
  // As they are when nobody chooses otherwise.
  const options = { maxStalenessMs: undefined }
  const verifiers = await Promise.all(Array.from({ length: VERIFIERS }, () => connect(through, options)))
  const told = verifiers.map((verifier) => new ReportedEnds(verifier))
  const living = await signedIn(instances[0])
  const token = living.tokens.access_token
  const closings = await Promise.all(verifiers.map((verifier) => closingsOf(verifier, token)))

  const verdicts = new Set<string>()
  const over = new AbortController()
  const usingAll = (async () => {
    while (!over.signal.aborted) {
      for (const verifier of verifiers) verdicts.add(await verdictOnToken(verifier, living.tokens))
      await pause(2)
    }
  })()

  const ended: string[] = []
  for (const at of [0, 1] as const) {
    const [stopping, staying] = [instances[at], instances[1 - at] ?? instances[0]]
    const [before, during] = await Promise.all([signedIn(stopping), signedIn(staying)])
    // Acknowledged by the instance that stops next.
    await signOut(before)
    const stopped = stopping.stop()
    await signOut(during)
    await stopped
    instances[at] = await start()
    const after = await signedIn(instances[at])
    await signOut(after)
    for (const { tokens } of [before, during, after]) {
      await Promise.all(told.map((each) => each.of(tokens.session.id)))
      for (const verifier of verifiers)
        expect(await verdictOnToken(verifier, tokens)).toBe(endedAs('signed_out'))
      ended.push(tokens.session.id)
    }
    await waitUntil(() => verifiers.every((verifier) => verifier.health().connected))
  }
  over.abort()
  await usingAll

  expect([...verdicts]).toEqual([ACCEPTED])
  expect(closings.flat()).toEqual([])
  for (const { ends } of told) expect(ends.map(({ sid }) => sid).sort()).toEqual(ended.toSorted())
  // Every one of them has lost its stream at least once, and has found another.
  expect(Math.min(...verifiers.map((verifier) => verifier.health().feedReconnects))).toBeGreaterThan(0)
})
