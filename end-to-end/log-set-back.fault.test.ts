// Real processes on one PostgreSQL. One is stopped by SIGSTOP, as a paused virtual machine is.
import { expect, onTestFinished, test } from 'vitest'
import { queryOn } from '../service/test/support/database-query.ts'
import { reportFault } from '../service/test/support/fault-report.ts'
import { startServiceProcess } from '../service/test/support/service-process.ts'
import { migratedDatabase } from '../service/test/support/test-service.ts'
import { targetOf } from '../service/test/support/tcp-proxy.ts'
import {
  ACCEPTED,
  behind,
  connect,
  endedAs,
  heartbeat,
  RepeatedVerification,
  verdictOnToken,
  proxyTo,
  signedIn,
  signOut,
  ReportedEnds,
  waitUntil,
} from './connected.ts'

/** Two instances on one database. They are stopped when the test ends, also one that is frozen. */
async function startTwo() {
  const place = await migratedDatabase()
  onTestFinished(place.remove)
  const start = async () => {
    const instance = await startServiceProcess(place.settings)
    onTestFinished(() => instance.kill())
    return instance
  }
  return { instances: await Promise.all([start(), start()]), query: queryOn(place.url) }
}

const setBack = (query: ReturnType<typeof queryOn>, rows: number) =>
  query(
    `with back as (update revocation_log set last_seq = last_seq - $1 returning last_seq)
     delete from revocations using back where seq > last_seq`,
    [rows],
  )

const report = (acknowledged: number, lost: number) =>
  reportFault({
    fault: 'the log set back by 2 rows and overtaken by 3',
    rounds: 1,
    injected: 1,
    acknowledged,
    lost,
    falseLogouts: 0,
  })

test(
  'a log set back and overtaken while an instance is frozen is noticed',
  { timeout: 60_000, tags: ['FEED-1'] },
  async () => {
    const { instances, query } = await startTwo()
    const [frozen, other] = instances
    const verifier = await connect(frozen)
    const told = new ReportedEnds(verifier)
    const people = await Promise.all(
      Array.from({ length: 8 }, (_, at) => signedIn(at % 2 === 0 ? frozen : other)),
    )
    const [known, later] = [people.slice(0, 4), people.slice(4, 7)]
    for (const person of known) await signOut(person)
    await told.of(...known.map(({ tokens }) => tokens.session.id))

    frozen.signal('SIGSTOP')
    await setBack(query, 2)
    const otherOnly = later.map((person) => ({ ...person, client: other.client() }))
    for (const person of otherOnly) await signOut(person)
    frozen.signal('SIGCONT')

    await waitUntil(() => verifier.health().fresh)
    await told.of(...later.map(({ tokens }) => tokens.session.id))
    const verdicts = await Promise.all(people.map(({ tokens }) => verdictOnToken(verifier, tokens)))
    report(7, verdicts.slice(0, 7).filter((verdict) => verdict === ACCEPTED).length)
    expect(verdicts).toEqual([...Array.from({ length: 7 }, () => endedAs('signed_out')), ACCEPTED])
  },
)

test(
  'a log set back while no instance runs is noticed from what the verifier has seen',
  { timeout: 90_000, tags: ['FEED-1'] },
  async () => {
    const place = await migratedDatabase()
    onTestFinished(place.remove)
    const start = () => startServiceProcess(place.settings)
    const first = await start()
    const proxy = await proxyTo(first.internalUrl)
    const verifier = await connect(behind(proxy, first))
    const told = new ReportedEnds(verifier)
    const people = await Promise.all(Array.from({ length: 6 }, () => signedIn(first)))
    const sids = people.map(({ tokens }) => tokens.session.id)
    for (const person of people.slice(0, 3)) await signOut(person)
    await told.of(...sids.slice(0, 3))
    await first.stop()
    await setBack(queryOn(place.url), 2)
    const next = await start()
    onTestFinished(() => next.kill())
    for (const person of people.slice(3)) await signOut({ ...person, client: next.client() })
    proxy.aim(targetOf(next.internalUrl))
    await told.of(...sids)
    for (const { tokens } of people)
      expect(await verdictOnToken(verifier, tokens)).toBe(endedAs('signed_out'))
  },
)

test(
  'freezing one instance at any moment leaves the verifiers of the other fresh',
  { timeout: 120_000, tags: ['FEED-2'] },
  async () => {
    const { instances, query } = await startTwo()
    const [frozen, other] = instances
    const verifier = await connect(other, { maxStalenessMs: 5_000 })
    const told = new ReportedEnds(verifier)
    const living = await signedIn(other)
    const repeated = new RepeatedVerification(verifier, living.tokens)
    await repeated.until(ACCEPTED)
    const rounds = 8
    for (let round = 0; round < rounds; round += 1) {
      // So many that the instance numbers them while it is frozen.
      await query(
        `insert into revocations (session_id, user_id, reason, expires_at)
         select gen_random_uuid(), 1, 'signed_out', now() + interval '1 hour' from generate_series(1, 3000)`,
      )
      await query('select pg_sleep($1)', [round / 20])
      frozen.signal('SIGSTOP')
      for (let end = 0; end < 3; end += 1) {
        const person = await signedIn(other)
        await signOut(person)
        await told.of(person.tokens.session.id)
        await heartbeat(verifier)
      }
      frozen.signal('SIGCONT')
    }
    reportFault({
      fault: 'SIGSTOP of an instance while it numbers',
      rounds,
      injected: rounds,
      acknowledged: rounds * 3,
      lost: 0,
      falseLogouts: 0,
    })
    expect(repeated.verdicts).toEqual([ACCEPTED])
  },
)
