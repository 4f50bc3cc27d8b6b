// Hundreds of slow, greedy or malformed clients attack a process in parallel while other users work with it.
import { expect, onTestFinished, test } from 'vitest'
import { queryOn } from '../support/database-query.ts'
import { faultRounds, timeoutFor } from '../support/fault-rounds.ts'
import { FaultTrial } from '../support/fault-trial.ts'
import {
  requestWithoutReading,
  sendSlowly,
  readUntilClosed,
  pipelineRubbish,
  sendEndlessBody,
  hostileRequests,
  sendHostileRequest,
  slowBeginnings,
} from '../support/hostile-clients.ts'
import { startInstance } from '../support/instances.ts'
import { peakMegabytes, residentMegabytes } from '../support/process-memory.ts'
import { migratedDatabase } from '../support/test-service.ts'

const SLOW_OF_EACH = 100
const RUDE_OF_EACH = 20
const GREEDY = 10
const GREEDY_REQUESTS = 2_000
const GOOD_BEFORE_RUBBISH = 20
const POURED_MOST = 128 * 2 ** 20
/** Far more than the buffers of two sockets hold, and far less than a client tries to send. */
const POURED_BOUND = 32 * 2 ** 20
/** Buffered responses and unpacked bombs would take gigabytes. */
const BOUND_MEGABYTES = 300

const times = <T>(count: number, work: () => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, work))

async function beSlow(url: string): Promise<void> {
  const all = Object.values(slowBeginnings).map((beginning) =>
    times(SLOW_OF_EACH, () => sendSlowly(url, beginning)),
  )
  for (const responses of await Promise.all(all)) {
    expect(new Set(responses)).toEqual(new Set([408]))
  }
}

async function beRude(url: string): Promise<void> {
  for (const [what, rude] of Object.entries(hostileRequests)) {
    const statuses = await times(RUDE_OF_EACH, () => sendHostileRequest(url, rude))
    expect(new Set(statuses), what).toEqual(new Set([rude.status]))
  }
}

async function pour(url: string): Promise<void> {
  const taken = await times(RUDE_OF_EACH, () => sendEndlessBody(url, POURED_MOST))
  expect(Math.max(...taken)).toBeLessThan(POURED_BOUND)
}

async function talkRubbish(url: string): Promise<void> {
  const responses = await times(RUDE_OF_EACH, () => pipelineRubbish(url, GOOD_BEFORE_RUBBISH))
  for (const statuses of responses) {
    // The refusal closes the connection, so some good requests may have no response.
    expect(statuses.pop()).toBe(400)
    expect(statuses).toEqual(statuses.map(() => 200))
  }
}

const rounds = faultRounds(1, 1 / 50)

test(
  'slow, greedy and malformed clients get errors, take bounded memory and affect nobody else',
  { tags: ['HTTP-5'], timeout: timeoutFor(rounds) },
  async () => {
    const place = await migratedDatabase()
    onTestFinished(place.remove)
    const trial = new FaultTrial('slow clients, oversized, deeply nested or compressed bodies')
    const instance = await startInstance(place.url)
    const { url, pid } = instance
    trial.moveTo(instance)
    await trial.acknowledged(40)
    const before = residentMegabytes(pid)
    for (let round = 0; round < rounds; round += 1) {
      const deaf = await times(GREEDY, () => requestWithoutReading(url, GREEDY_REQUESTS))
      const attacks = Promise.all([beSlow(url), beRude(url), pour(url), talkRubbish(url)])
      trial.injected()
      // The slow clients keep their connections for many seconds, and the users are served meanwhile.
      const first = await Promise.race([
        trial.acknowledged(60).then(() => 'people'),
        attacks.then(() => 'attackers'),
      ])
      expect(first, 'the group that finishes first').toBe('people')
      await attacks
      await Promise.all(deaf.map(readUntilClosed))
      await trial.check({ query: queryOn(place.url) })
    }
    await trial.finish({ query: queryOn(place.url) })
    expect(peakMegabytes(pid) - before).toBeLessThan(BOUND_MEGABYTES)
    await instance.stop()
  },
)
