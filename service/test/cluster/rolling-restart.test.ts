// An upgrade as operators do it, and a crash, behind the nginx that docker-compose.cluster.yaml runs.
import { expect, onTestFinished, test } from 'vitest'
import {
  ACCEPTED,
  connect,
  endedAs,
  judge,
  signedIn,
  signOut,
  Told,
} from '../../../verifier/test/end-to-end/connected.ts'
import { HonestClient, Traffic } from '../support/honest-client.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { startCluster, type Cluster } from './cluster.ts'
import { Newcomers } from './newcomers.ts'

const CLIENTS = 3
const VERIFIERS = 3

/** People who are signed in and go on refreshing and reading, through nginx. They sign up past it. */
async function honestClients({ instances, nginx }: Cluster): Promise<HonestClient[]> {
  const urls = instances.map(({ process }) => process.url)
  return Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      const { client } = await HonestClient.signUp(urls)
      client.moveTo(nginx.url)
      return client
    }),
  )
}

/** Everybody is still signed in, and has seen nothing that they should not. */
async function expectNoneHarmed(clients: readonly HonestClient[]): Promise<void> {
  for (const client of clients) expect(await client.refresh()).toBe(true)
  expect(clients.flatMap(({ wrongs }) => wrongs)).toEqual([])
}

/** Verifiers at their default settings, each with a socket in its hands: it is let go when the verifier is stale. */
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

test('instances that are stopped and started one after the other fail no request and leave no verifier stale', async () => {
  const cluster = await startCluster()
  onTestFinished(cluster.stop)
  const { nginx, instances } = cluster
  const clients = await honestClients(cluster)
  const living = await signedIn(instances[0]?.process ?? expect.fail())
  const { verifiers, closings } = await followers(cluster, living.tokens.access_token)
  const told = verifiers.map((verifier) => new Told(verifier))
  const before = nginx.requests().length
  const traffic = new Traffic(clients, seededRandom(), 0)
  const newcomers = new Newcomers(nginx.url)
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
      expect(await judge(verifier, ending.tokens)).toBe(endedAs('signed_out'))
      expect(await judge(verifier, living.tokens)).toBe(ACCEPTED)
    }
  }
  await Promise.all([traffic.stop(), newcomers.stop()])

  expect(newcomers.failures).toEqual([])
  expect(newcomers.count).toBeGreaterThan(10)
  const requests = nginx.requests().slice(before)
  expect(requests.filter(({ status }) => status >= 300)).toEqual([])
  // Nobody told nginx when an instance was about to go: it found out by itself.
  expect(requests.filter(({ statuses }) => statuses.length > 1).length).toBeGreaterThan(0)
  await expectNoneHarmed(clients)
  expect(closings).toEqual([])
  expect(Math.min(...verifiers.map((verifier) => verifier.health().feedReconnects))).toBeGreaterThan(0)
}, 300_000)

test('an instance that is killed signs nobody out, and the others serve at once', async () => {
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
