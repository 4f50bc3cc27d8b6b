// Kills processes at random moments during refreshes and session ends. TEST_SEED replays the schedule.
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { startPrivateCluster, type PrivateCluster } from '../../../scripts/postgres/private-cluster.ts'
import { openEmbeddedDatabase } from '../../src/infrastructure/embedded/embedded-database.ts'
import { behind, connect, proxyTo } from '../../../end-to-end/connected.ts'
import { queryOn } from '../support/database-query.ts'
import { faultRounds, timeoutFor } from '../support/fault-rounds.ts'
import { FaultTrial } from '../support/fault-trial.ts'
import {
  faultSettings,
  requestsServedBy,
  startInstance,
  startTwo,
  withNewVerifier,
} from '../support/instances.ts'
import { startServiceProcess, type ServiceProcess } from '../support/service-process.ts'
import { targetOf } from '../support/tcp-proxy.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const rounds = faultRounds(12)

let cluster: PrivateCluster

beforeAll(async () => {
  cluster = await startPrivateCluster()
})
afterAll(() => cluster.stop())

test(
  'killing one of two instances during refreshes and sign-outs loses nothing',
  async () => {
    const query = queryOn(cluster.url)
    const trial = new FaultTrial('kill -9 during refresh and ending')
    const [first, second] = await startTwo(cluster.url)
    let instances: readonly ServiceProcess[] = [first, second]
    trial.moveTo(...instances)
    const proxy = await proxyTo(first.internalUrl)
    // This verifier runs through all rounds, as behind a load balancer. Each round adds a new one.
    const old = await connect(behind(proxy, first))

    for (let round = 0; round < rounds; round += 1) {
      const [killed, survivor] = trial.random.isTrue(0.5) ? instances : instances.toReversed()
      if (killed === undefined || survivor === undefined) throw new Error('two instances are expected')
      const before = requestsServedBy(killed)
      await trial.acknowledged(1 + trial.random.below(60))
      // Killing an idle instance would not test anything.
      await vi.waitFor(() => expect(requestsServedBy(killed)).toBeGreaterThan(before), { timeout: 60_000 })
      await trial.acknowledgedInBurst(1 + trial.random.below(8))
      await killed.kill()
      trial.injected()
      proxy.aim(targetOf(survivor.internalUrl))
      const starting = startInstance(cluster.url)
      // Avoids an unhandled rejection if the test fails before it awaits this promise.
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
  'a killed embedded service loses nothing it acknowledged, and sessions go on',
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
      await service.alive(trial.acknowledgedInBurst(1 + trial.random.below(8)))
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
