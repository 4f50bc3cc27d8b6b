// 500 users sign in at the same time while signed-in users refresh.
import { availableParallelism } from 'node:os'
import { expect, onTestFinished, test } from 'vitest'
import { ACCEPTED, connect, verdictOn } from '../../../end-to-end/connected.ts'
import type { Verifier } from '../../../verifiers/node/src/index.ts'
import { AcknowledgedRecord } from '../support/acknowledged-record.ts'
import { copiesOf } from '../support/copied-users.ts'
import { signInMany } from '../support/sign-in-many.ts'
import { queryOn } from '../support/database-query.ts'
import { reportFault } from '../support/fault-report.ts'
import { faultRounds, timeoutFor } from '../support/fault-rounds.ts'
import type { CheckingClient, Violation } from '../support/checking-client.ts'
import { startTwo } from '../support/instances.ts'
import { peakMegabytes, residentMegabytes } from '../support/process-memory.ts'
import type { ServiceProcess } from '../support/service-process.ts'
import { TestClient, type ApiResponse, type TestUser, type Tokens } from '../support/test-client.ts'
import { migratedDatabase } from '../support/test-service.ts'

const STORM = 500
const OTHERS = 20
/** The memory of one password check. 500 in parallel would take nine gigabytes. */
const HASH_MEGABYTES = 19
/** For 500 requests and their garbage until it is collected. */
const REQUESTS_MEGABYTES = 300

const rounds = faultRounds(1, 1 / 20)

const signIn = (url: string, { username, password }: TestUser): Promise<ApiResponse> =>
  new TestClient(url).post('/v1/sessions', { username, password })

/** Whether the user is signed in, or got a Retry-After. */
const isInOrPutOff = ({ status, headers }: ApiResponse): boolean =>
  status === 201 || ([429, 503].includes(status) && Number(headers.get('retry-after')) > 0)

/** Refreshes repeatedly until the burst ends. Returns the verdict of the verifier on each new token. */
async function refreshDuring(
  storm: Promise<unknown>,
  client: CheckingClient,
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

/** Signs in all users in parallel, then retries some of the refused ones. Returns the tokens of the first sign-ins. */
async function weather(
  { url }: ServiceProcess,
  people: readonly TestUser[],
  others: readonly CheckingClient[],
  verifier: Verifier,
): Promise<Tokens[]> {
  const storm = Promise.all(people.map((person) => signIn(url, person)))
  const [responses, ...verdicts] = await Promise.all([
    storm,
    ...others.map((client) => refreshDuring(storm, client, verifier)),
  ])
  expect(
    responses.filter((response) => !isInOrPutOff(response)).map(({ status, body }) => ({ status, body })),
  ).toEqual([])
  // A sign-in that would wait too long for its hash gets `overloaded`.
  expect(responses.some(({ body }) => (body as { code?: string }).code === 'overloaded')).toBe(true)
  expect(new Set(verdicts.flat())).toEqual(new Set([ACCEPTED]))
  expect(verdicts.flat().length).toBeGreaterThan(OTHERS)
  const putOff = people.filter((_, at) => responses[at]?.status !== 201)
  for (const person of putOff.slice(0, 10)) expect((await signIn(url, person)).status).toBe(201)
  return responses.filter(({ status }) => status === 201).map(({ body }) => body as Tokens)
}

/** Finds acknowledged sign-ins whose session is missing, has ended or is not accepted everywhere. */
async function lostAmong(
  letIn: readonly Tokens[],
  { url }: ServiceProcess,
  databaseUrl: string,
  verifier: Verifier,
): Promise<Violation[]> {
  const rows = await queryOn(databaseUrl)<{ id: string }>(
    'select id from sessions where id = any($1) and end_reason is null',
    [letIn.map(({ session }) => session.id)],
  )
  const live = new Set(rows.map(({ id }) => id))
  const violations: Violation[] = []
  for (const { session, access_token: token } of letIn) {
    const verdict = await verdictOn(verifier.verify(token))
    const { status } = await new TestClient(url).get('/v1/users/me', token)
    if (live.has(session.id) && verdict === ACCEPTED && status === 200) continue
    const row = live.has(session.id) ? 'live' : 'not live'
    violations.push({
      kind: 'lost',
      what: `${session.id} is ${row}, read with ${status}, and verified: ${verdict}`,
    })
  }
  return violations
}

test(
  'a burst of sign-ins takes bounded memory and fails no refresh',
  { tags: ['HTTP-6'], timeout: timeoutFor(rounds) },
  async () => {
    const place = await migratedDatabase()
    onTestFinished(place.remove)
    const instances = await startTwo(place.url)
    const [instance, other] = instances
    const record = new AcknowledgedRecord()
    const others = await signInMany(
      instances.map(({ url }) => url),
      OTHERS,
      record,
    )
    const people = await copiesOf(await instance.client().register(), STORM, place.url)
    const before = residentMegabytes(instance.pid)
    const verifier = await connect(instance)
    const letIn: Tokens[] = []
    for (let round = 0; round < rounds; round += 1) {
      letIn.push(...(await weather(instance, people, others, verifier)))
    }
    const violations = [
      ...others.flatMap((client) => client.violations),
      ...(await lostAmong(letIn, other, place.url, verifier)),
    ]
    reportFault({
      fault: 'sign-in storm, 500 in parallel',
      rounds,
      injected: rounds * STORM,
      acknowledged: record.acknowledged + letIn.length,
      lost: violations.filter(({ kind }) => kind === 'lost').length,
      falseLogouts: violations.filter(({ kind }) => kind === 'false logout').length,
    })
    expect(violations).toEqual([])
    const bound = availableParallelism() * HASH_MEGABYTES + REQUESTS_MEGABYTES
    expect(peakMegabytes(instance.pid) - before).toBeLessThan(bound)
    await Promise.all(instances.map((each) => each.stop()))
  },
)
