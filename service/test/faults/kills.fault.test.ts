// kill -9 at random points of refreshing and of ending. TEST_SEED replays the schedule.
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { startPrivateCluster, type PrivateCluster } from '../../../scripts/postgres/private-cluster.ts'
import { openEmbeddedDatabase } from '../../src/infrastructure/embedded/embedded-database.ts'
import { behind, connect, proxyTo } from '../../../verifier/test/end-to-end/connected.ts'
import { queryOn } from '../support/database-query.ts'
import { faultRounds, timeoutFor } from '../support/fault-rounds.ts'
import { FaultTrial } from '../support/fault-trial.ts'
import {
  faultSettings,
  peopleServedBy,
  startInstance,
  startTwo,
  withNewVerifier,
} from '../support/instances.ts'
import { startServiceProcess, type ServiceProcess } from '../support/service-process.ts'
import { targetOf } from '../support/tcp-proxy.ts'
import { temporaryFolder } from '../support/test-service.ts'

const rounds = faultRounds(12)

let cluster: PrivateCluster

beforeAll(async () => {
  cluster = await startPrivateCluster()
})
afterAll(() => cluster.stop())

test(
  'one of two instances that is killed while people refresh and end sessions takes nothing along',
  async () => {
    const query = queryOn(cluster.url)
    const trial = new FaultTrial('kill -9 during refresh and ending')
    const [first, second] = await startTwo(cluster.url)
    let instances: readonly ServiceProcess[] = [first, second]
    trial.moveTo(...instances)
    const proxy = await proxyTo(first.internalUrl)
    // Lives through all of it, as behind a load balancer; in each round there is a new one beside it.
    const old = await connect(behind(proxy, first))

    for (let round = 0; round < rounds; round += 1) {
      const [killed, survivor] = trial.random.isTrue(0.5) ? instances : instances.toReversed()
      if (killed === undefined || survivor === undefined) throw new Error('there are two')
      const before = peopleServedBy(killed)
      await trial.acknowledged(1 + trial.random.below(60))
      // The end of an idle one would be none.
      await vi.waitFor(() => expect(peopleServedBy(killed)).toBeGreaterThan(before), { timeout: 20_000 })
      await trial.acknowledgedInRush(1 + trial.random.below(8))
      await killed.kill()
      trial.injected()
      proxy.aim(targetOf(survivor.internalUrl))
      const starting = startInstance(cluster.url)
      // Should the test fail before it asks.
      starting.catch(() => undefined)
      trial.moveTo(survivor)
      await survivor.alive(trial.acknowledged(40))
      await withNewVerifier(survivor, (verifier) => trial.check({ query, verifiers: [old, verifier] }))
      instances = [survivor, await starting]
      trial.moveTo(...instances)
    }
    const last = instances.at(-1) ?? first
    await withNewVerifier(last, (verifier) => trial.finish({ query, verifiers: [old, verifier] }))
    await Promise.all(instances.map((instance) => instance.stop()))
  },
  timeoutFor(rounds),
)

const embeddedRounds = faultRounds(3, 1 / 5)

test(
  'an embedded service that is killed loses nothing it acknowledged, and everybody goes on',
  async () => {
    const place = await temporaryFolder()
    onTestFinished(place.remove)
    const settings = { ...faultSettings, ...place.settings }
    const start = async (): Promise<ServiceProcess> => {
      const service = await startServiceProcess(settings)
      onTestFinished(() => service.kill())
      return service
    }
    const trial = new FaultTrial('kill -9 of the embedded service')
    let service = await start()
    const proxy = await proxyTo(service.internalUrl)
    const old = await connect(behind(proxy, service))
    for (let round = 0; round < embeddedRounds; round += 1) {
      trial.moveTo(service)
      await service.alive(trial.acknowledged(20 + trial.random.below(80)))
      await service.alive(trial.acknowledgedInRush(1 + trial.random.below(8)))
      await service.kill()
      trial.injected()
      service = await start()
      proxy.aim(targetOf(service.internalUrl))
      trial.moveTo(service)
      await withNewVerifier(service, (verifier) => trial.check({ verifiers: [old, verifier] }))
    }
    await trial.finish({ verifiers: [old] })
    await service.stop()
    const database = await openEmbeddedDatabase(place.folder)
    onTestFinished(() => database.close())
    await trial.checkDatabase(async <Row extends object>(text: string, values: readonly unknown[] = []) => {
      return (await database.pool.query<Row>(text, [...values])).rows
    })
  },
  timeoutFor(embeddedRounds),
)
