// A rolling upgrade and a crash, behind nginx as docker-compose.cluster.yaml runs it.
import { expect, onTestFinished, test } from 'vitest'
import {
  ACCEPTED,
  connect,
  endedAs,
  verdictOnToken,
  signedIn,
  signOut,
  ReportedEnds,
} from '../../../end-to-end/connected.ts'
import { CheckingClient, Traffic } from '../support/checking-client.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { startCluster, type Cluster } from './cluster.ts'
import { NewUsers } from './new-users.ts'

const CLIENTS = 6
const VERIFIERS = 3

/** Signed-in clients that refresh and read through nginx. They sign up directly at the instances. */
async function honestClients({ instances, nginx }: Cluster): Promise<CheckingClient[]> {
  const urls = instances.map(({ process }) => process.url)
  return Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      const { client } = await CheckingClient.signUp(urls)
      client.moveTo(nginx.url)
      return client
    }),
  )
}

/** Checks that every client is still signed in and has seen no wrong outcome. */
async function expectNoneHarmed(clients: readonly CheckingClient[]): Promise<void> {
  for (const client of clients) expect(await client.refresh()).toBe(true)
  expect(clients.flatMap(({ violations }) => violations)).toEqual([])
}

/** Verifiers with default settings. Each guards a socket, which it closes when it becomes stale. */
async function followers({ internal }: Cluster, token: string) {
  const options = { maxStalenessMs: undefined }
  const verifiers = await Promise.all(Array.from({ length: VERIFIERS }, () => connect(internal, options)))
  const closings: number[] = []
  for (const verifier of verifiers) {
    const claims = await verifier.verify(token)
    verifier.guardSockets().hold({ close: (code) => closings.push(code), once: () => undefined }, claims)
  }
  return { verifiers, closings }
}

test('a rolling restart fails no request and leaves no verifier stale', async () => {
  const cluster = await startCluster()
  onTestFinished(cluster.stop)
  const { nginx, instances } = cluster
  const clients = await honestClients(cluster)
  const living = await signedIn(instances[0]?.process ?? expect.fail())
  const { verifiers, closings } = await followers(cluster, living.tokens.access_token)
  const told = verifiers.map((verifier) => new ReportedEnds(verifier))
  const before = nginx.requests().length
  const traffic = new Traffic(clients, seededRandom(), 0)
  const newcomers = new NewUsers(nginx.url)
  onTestFinished(() => Promise.all([traffic.stop(), newcomers.stop()]).then(() => undefined))

  for (const instance of [...instances, ...instances]) {
    const ending = await signedIn(instance.process)
    const stopped = instance.stop()
    await signOut(ending)
    await stopped
    await instance.start()
    await cluster.isUsed(instance)
    await Promise.all(told.map((each) => each.of(ending.tokens.session.id)))
    for (const verifier of verifiers) {
      expect(await verdictOnToken(verifier, ending.tokens)).toBe(endedAs('signed_out'))
      expect(await verdictOnToken(verifier, living.tokens)).toBe(ACCEPTED)
    }
  }
  await Promise.all([traffic.stop(), newcomers.stop()])

  expect(newcomers.failures).toEqual([])
  expect(newcomers.count).toBeGreaterThan(10)
  const requests = nginx.requests().slice(before)
  expect(requests.filter(({ status }) => status >= 300)).toEqual([])
  // nginx gets no notice that an instance will stop: it finds out by a failed attempt.
  expect(requests.filter(({ statuses }) => statuses.length > 1).length).toBeGreaterThan(0)
  await expectNoneHarmed(clients)
  expect(closings).toEqual([])
  expect(Math.min(...verifiers.map((verifier) => verifier.health().feedReconnects))).toBeGreaterThan(0)
}, 300_000)

test('a killed instance signs nobody out, and the others serve immediately', async () => {
  const cluster = await startCluster()
  onTestFinished(cluster.stop)
  const clients = await honestClients(cluster)
  const traffic = new Traffic(clients, seededRandom(), 0)
  onTestFinished(() => traffic.stop())
  for (const instance of cluster.instances) {
    await cluster.isUsed(instance)
    await instance.kill()
    await traffic.acknowledged(100)
    await instance.start()
  }
  await traffic.stop()
  await expectNoneHarmed(clients)
}, 200_000)
