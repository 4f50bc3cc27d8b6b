// 500 people who sign in at once, beside others who are signed in already.
import { availableParallelism } from 'node:os'
import { expect, onTestFinished, test } from 'vitest'
import { ACCEPTED, connect, verdictOn } from '../../../verifier/test/end-to-end/connected.ts'
import type { Verifier } from '../../../verifier/src/index.ts'
import { AcknowledgedRecord } from '../support/acknowledged-record.ts'
import { signInCrowd } from '../support/crowd.ts'
import { queryOn } from '../support/database-query.ts'
import { reportFault } from '../support/fault-report.ts'
import { faultRounds, timeoutFor } from '../support/fault-rounds.ts'
import type { HonestClient, Wrong } from '../support/honest-client.ts'
import { startTwo } from '../support/instances.ts'
import { peakMegabytes, residentMegabytes } from '../support/process-memory.ts'
import type { ServiceProcess } from '../support/service-process.ts'
import { TestClient, type Answer, type Person, type Tokens } from '../support/test-client.ts'
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

/** One refresh after the other until the storm is over. Answers what the verifier said to each token that came. */
async function refreshDuring(
  storm: Promise<unknown>,
  client: HonestClient,
  verifier: Verifier,
): Promise<string[]> {
  const over = new AbortController()
  const stop = (): void => over.abort()
  void storm.then(stop, stop)
  const verdicts: string[] = []
  while (!over.signal.aborted) {
    const isDone = await client.refresh()
    verdicts.push(isDone ? await verdictOn(verifier.verify(client.accessToken)) : 'not refreshed')
  }
  return verdicts
}

/** Everybody comes at once; whoever was put off comes back until they are in. Answers what those hold who were let in. */
async function weather(
  { url }: ServiceProcess,
  people: readonly Person[],
  others: readonly HonestClient[],
  verifier: Verifier,
): Promise<Tokens[]> {
  const storm = Promise.all(people.map((person) => signIn(url, person)))
  const [answers, ...verdicts] = await Promise.all([
    storm,
    ...others.map((client) => refreshDuring(storm, client, verifier)),
  ])
  expect(
    answers.filter((answer) => !isInOrPutOff(answer)).map(({ status, body }) => ({ status, body })),
  ).toEqual([])
  // Whoever cannot be hashed soon is told so.
  expect(answers.some(({ body }) => (body as { code?: string }).code === 'overloaded')).toBe(true)
  expect(new Set(verdicts.flat())).toEqual(new Set([ACCEPTED]))
  expect(verdicts.flat().length).toBeGreaterThan(OTHERS)
  const putOff = people.filter((_, at) => answers[at]?.status !== 201)
  for (const person of putOff.slice(0, 10)) expect((await signIn(url, person)).status).toBe(201)
  return answers.filter(({ status }) => status === 201).map(({ body }) => body as Tokens)
}

/** Whoever was told that they are in has a session that is there, lives, and lets them in everywhere. */
async function lostAmong(
  letIn: readonly Tokens[],
  { url }: ServiceProcess,
  databaseUrl: string,
  verifier: Verifier,
): Promise<Wrong[]> {
  const rows = await queryOn(databaseUrl)<{ id: string }>(
    'select id from sessions where id = any($1) and end_reason is null',
    [letIn.map(({ session }) => session.id)],
  )
  const live = new Set(rows.map(({ id }) => id))
  const wrongs: Wrong[] = []
  for (const { session, access_token: token } of letIn) {
    const verdict = await verdictOn(verifier.verify(token))
    const { status } = await new TestClient(url).get('/v1/users/me', token)
    if (live.has(session.id) && verdict === ACCEPTED && status === 200) continue
    const row = live.has(session.id) ? 'there' : 'not there'
    wrongs.push({
      kind: 'lost',
      what: `${session.id} is ${row}, read with ${status}, and verified: ${verdict}`,
    })
  }
  return wrongs
}

test(
  'a storm of sign-ins takes bounded memory, lets in or puts off, and fails no refresh',
  async () => {
    const place = await migratedDatabase()
    onTestFinished(place.remove)
    const instances = await startTwo(place.url)
    const [instance, other] = instances
    const record = new AcknowledgedRecord()
    const others = await signInCrowd(
      instances.map(({ url }) => url),
      OTHERS,
      record,
    )
    const people = await manyLike(await instance.client().register(), place.url)
    const before = residentMegabytes(instance.pid)
    const verifier = await connect(instance)
    const letIn: Tokens[] = []
    for (let round = 0; round < rounds; round += 1) {
      letIn.push(...(await weather(instance, people, others, verifier)))
    }
    const wrongs = [
      ...others.flatMap((client) => client.wrongs),
      ...(await lostAmong(letIn, other, place.url, verifier)),
    ]
    reportFault({
      fault: 'sign-in storm, 500 at once',
      rounds,
      injected: rounds * STORM,
      acknowledged: record.acknowledged + letIn.length,
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
