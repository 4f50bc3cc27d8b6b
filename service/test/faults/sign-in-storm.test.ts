// 500 people who sign in at once, beside others who are signed in already.
import { availableParallelism } from 'node:os'
import { expect, onTestFinished, test } from 'vitest'
import { AcknowledgedRecord } from '../support/acknowledged-record.ts'
import { signInCrowd } from '../support/crowd.ts'
import { queryOn } from '../support/database-query.ts'
import { reportFault } from '../support/fault-report.ts'
import { faultRounds, timeoutFor } from '../support/fault-rounds.ts'
import type { HonestClient } from '../support/honest-client.ts'
import { startTwo } from '../support/instances.ts'
import { peakMegabytes, residentMegabytes } from '../support/process-memory.ts'
import type { ServiceProcess } from '../support/service-process.ts'
import { TestClient, type Answer, type Person } from '../support/test-client.ts'
import { migratedDatabase } from '../support/test-service.ts'

const STORM = 500
const OTHERS = 20
/** What one check of a password takes. All at once would take nine gigabytes. */
const HASH_MEGABYTES = 19
/** For 500 requests and what they leave until the garbage is collected. */
const REQUESTS_MEGABYTES = 300

const rounds = faultRounds(1, 1 / 20)

/** Registering 500 would be a storm of its own, so they are copies of one, with the same password. */
async function manyLike(person: Person, url: string): Promise<Person[]> {
  const copies = await queryOn(url)<{ username: string }>(
    `insert into users (username, username_key, email, email_key, email_verified, password_hash, password_version,
       roles, created_at)
     select name, name, name || '@example.org', name || '@example.org', false, password_hash, 1, '{}', created_at
     from users, lateral (select 'storm' || number as name from generate_series(1, ${STORM}) as number) as names
     where id = $1 returning username`,
    [person.id],
  )
  return copies.map(({ username }) => ({ ...person, username }))
}

const signIn = (url: string, { username, password }: Person): Promise<Answer> =>
  new TestClient(url).post('/v1/sessions', { username, password })

/** Let in, or told when to come back. */
const isInOrPutOff = ({ status, headers }: Answer): boolean =>
  status === 201 || ([429, 503].includes(status) && Number(headers.get('retry-after')) > 0)

/** One refresh after the other until the storm is over. Answers whether each was acknowledged. */
async function refreshDuring(storm: Promise<unknown>, client: HonestClient): Promise<boolean[]> {
  const over = new AbortController()
  void storm.finally(() => over.abort())
  const done: boolean[] = []
  while (!over.signal.aborted) done.push(await client.refresh())
  return done
}

/** Everybody comes at once; whoever was put off comes back until they are in. */
async function weather(
  { url }: ServiceProcess,
  people: readonly Person[],
  others: readonly HonestClient[],
): Promise<number> {
  const storm = Promise.all(people.map((person) => signIn(url, person)))
  const [answers, ...refreshes] = await Promise.all([
    storm,
    ...others.map((client) => refreshDuring(storm, client)),
  ])
  expect(
    answers.filter((answer) => !isInOrPutOff(answer)).map(({ status, body }) => ({ status, body })),
  ).toEqual([])
  for (const done of refreshes) expect(done).toEqual(done.map(() => true))
  expect(refreshes.flat().length).toBeGreaterThan(OTHERS)
  const putOff = people.filter((_, at) => answers[at]?.status !== 201)
  for (const person of putOff.slice(0, 10)) expect((await signIn(url, person)).status).toBe(201)
  return STORM - putOff.length
}

test(
  'a storm of sign-ins takes bounded memory, lets in or puts off, and fails no refresh',
  async () => {
    const place = await migratedDatabase()
    onTestFinished(place.remove)
    const instances = await startTwo(place.url)
    const [instance] = instances
    const record = new AcknowledgedRecord()
    const others = await signInCrowd(
      instances.map(({ url }) => url),
      OTHERS,
      record,
    )
    const people = await manyLike(await instance.client().register(), place.url)
    const before = residentMegabytes(instance.pid)
    let letIn = 0
    for (let round = 0; round < rounds; round += 1) letIn += await weather(instance, people, others)
    const wrongs = others.flatMap((client) => client.wrongs)
    reportFault({
      fault: 'sign-in storm, 500 at once',
      rounds,
      injected: rounds * STORM,
      acknowledged: record.acknowledged + letIn,
      lost: wrongs.filter(({ kind }) => kind === 'lost').length,
      falseLogouts: wrongs.filter(({ kind }) => kind === 'false logout').length,
    })
    expect(wrongs).toEqual([])
    const bound = availableParallelism() * HASH_MEGABYTES + REQUESTS_MEGABYTES
    expect(peakMegabytes(instance.pid) - before).toBeLessThan(bound)
    await Promise.all(instances.map((each) => each.stop()))
  },
  timeoutFor(rounds),
)
