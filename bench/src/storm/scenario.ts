// A service with users, its visitors, a gateway, and a storm of sign-ins.
import { availableParallelism } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { startServiceProcess, type ServiceProcess } from '../../../service/test/support/service-process.ts'
import { TestClient } from '../../../service/test/support/test-client.ts'
import { Child } from '../child.ts'
import { settingsOn } from '../private-database.ts'
import { addCopies } from '../users/copies.ts'
import type { HashProcess } from './bare-hash.ts'
import type { SignInLoadProcess } from './sign-in-load.ts'
import type { GatewayProcess } from './gateway.ts'
import type { Times, Visit, Visitor, VisitorProcess } from './visitors.ts'

const ROUNDS = 5
const VISIT: Visit = { perSecond: 100, seconds: 6 }
/** Parallel sign-ins during the storm: more than the service queues. */
const STORM = 300
/** Enough to keep all cores hashing, and few enough that none is refused. */
const STEADY = 32
const SECONDS_OF_SIGN_INS = 3
const SECONDS_OF_HASHING = 2
/** A refresh occupies one of them until its response arrives. */
const VISITORS = 500
const SIGN_INS_AT_ONCE = 8
const PEOPLE = 3_000
const SETTLE_MS = 1_000

export interface Phase {
  readonly refresh: Times
  readonly user: Times
  /** Milliseconds since each was due. */
  readonly verify: readonly number[]
}

export interface Round {
  readonly idle: Phase
  readonly storm: Phase
  readonly signInsDuringStorm: { readonly perSecond: number; readonly refusedPerSecond: number }
  readonly signInsAlone: number
  readonly bareHashes: number
}

interface Cast {
  readonly visitors: Child<VisitorProcess>
  readonly gateway: Child<GatewayProcess>
  readonly signIns: Child<SignInLoadProcess>
  readonly hashes: Child<HashProcess>
}

interface Secret {
  readonly password: string
  readonly hash: string
}

/** Stops every process it started, whether it succeeds or fails. */
export async function measure(databaseUrl: string, note: (progress: string) => void): Promise<Round[]> {
  const service = await startServiceProcess(settingsOn(databaseUrl))
  const cast = {
    visitors: new Child<VisitorProcess>(new URL('visitors.ts', import.meta.url)),
    gateway: new Child<GatewayProcess>(new URL('gateway.ts', import.meta.url)),
    signIns: new Child<SignInLoadProcess>(new URL('sign-in-load.ts', import.meta.url)),
    hashes: new Child<HashProcess>(new URL('bare-hash.ts', import.meta.url)),
  }
  try {
    const secret = await prepare(service, databaseUrl, cast)
    const rounds: Round[] = []
    // The first warms up and is not counted.
    for (let round = 0; round <= ROUNDS; round += 1) {
      note(round === 0 ? 'warming up' : `round ${round} of ${ROUNDS}`)
      const visit = round === 0 ? { ...VISIT, seconds: 2 } : VISIT
      const measured = await playRound(cast, visit, secret)
      if (round > 0) rounds.push(measured)
    }
    return rounds
  } finally {
    await Promise.all(Object.values(cast).map((each) => each.stop()))
    await service.kill()
  }
}

async function prepare(service: ServiceProcess, databaseUrl: string, cast: Cast): Promise<Secret> {
  const client = new TestClient(service.url)
  const { password, email } = await client.register()
  const hash = await addCopies(databaseUrl, email, PEOPLE)
  const visitors = await signIn(service, password)
  const { url, internalUrl, serviceKey } = service
  await cast.visitors.ask('arrive', { url, visitors })
  const tokens = visitors.map(({ accessToken }) => accessToken)
  await cast.gateway.ask('open', { url: internalUrl, serviceKey, tokens })
  await cast.signIns.ask('gather', { url, password, people: PEOPLE - VISITORS })
  return { password, hash }
}

/** Signs in the last of the users; the others make the storm. */
async function signIn(service: ServiceProcess, password: string): Promise<Visitor[]> {
  const visitors: Visitor[] = []
  let next = PEOPLE - VISITORS
  const signInOthers = async (): Promise<void> => {
    while (next < PEOPLE) {
      next += 1
      const person = { id: 0, username: `p${next}@example.org`, email: '', password }
      const tokens = await new TestClient(service.url).signIn(person)
      visitors.push({ accessToken: tokens.access_token, refreshToken: tokens.refresh_token })
    }
  }
  await Promise.all(Array.from({ length: SIGN_INS_AT_ONCE }, signInOthers))
  return visitors
}

async function playRound(cast: Cast, visit: Visit, { hash, password }: Secret): Promise<Round> {
  const { signIns, hashes } = cast
  const idle = await visitAll(cast, visit)
  await signIns.ask('begin', STORM)
  await delay(SETTLE_MS)
  const [storm, signInsDuringStorm] = await Promise.all([
    visitAll(cast, visit),
    signIns.ask('count', visit.seconds),
  ])
  await signIns.ask('end', undefined)
  await delay(SETTLE_MS)

  await signIns.ask('begin', STEADY)
  await delay(SETTLE_MS / 2)
  const { perSecond: signInsAlone } = await signIns.ask('count', SECONDS_OF_SIGN_INS)
  await signIns.ask('end', undefined)
  const atOnce = availableParallelism()
  const bareHashes = await hashes.ask('rate', { hash, password, atOnce, seconds: SECONDS_OF_HASHING })
  await delay(SETTLE_MS)
  return { idle, storm, signInsDuringStorm, signInsAlone, bareHashes }
}

async function visitAll({ visitors, gateway }: Cast, visit: Visit): Promise<Phase> {
  const [visited, verify] = await Promise.all([visitors.ask('visit', visit), gateway.ask('verify', visit)])
  return { ...visited, verify }
}
