// Two instances on one database, ordinary users who sign in, and somebody who wants to keep them from it.
import { setTimeout as delay } from 'node:timers/promises'
import { startServiceProcess, type ServiceProcess } from '../../../service/test/support/service-process.ts'
import { TestClient } from '../../../service/test/support/test-client.ts'
import { Child } from '../child.ts'
import { settingsOn } from '../private-database.ts'
import { addCopies } from '../users/copies.ts'
import type { AttackersProcess, Responses } from './attackers.ts'
import { attacks, type Attack, type Users } from './attacks.ts'
import type { OthersProcess, SignIns } from './others.ts'

const ROUNDS = 3
const SECONDS = 6
const SETTLE_MS = 1_000
const PEOPLE = 4_000
/** Those with lower numbers take part in attacks. */
const FIRST_OTHER = 1_000

export interface Measured {
  readonly name: string
  readonly isBought: boolean
  readonly quiet: readonly SignIns[]
  readonly attacked: readonly SignIns[]
  /** To the attackers. */
  readonly responses: readonly Responses[]
}

interface Cast {
  readonly others: Child<OthersProcess>
  readonly attackers: Child<AttackersProcess>
  readonly urls: readonly string[]
  readonly password: string
  readonly accessToken: string
  /** The number of the next user who has not signed in. */
  nextUser: number
}

/** Stops every process it started, whether it succeeds or fails. */
export async function measure(databaseUrl: string, note: (progress: string) => void): Promise<Measured[]> {
  const settings = settingsOn(databaseUrl)
  const instances: ServiceProcess[] = []
  const others = new Child<OthersProcess>(new URL('others.ts', import.meta.url))
  const attackers = new Child<AttackersProcess>(new URL('attackers.ts', import.meta.url))
  try {
    for (let count = 0; count < 2; count += 1) instances.push(await startServiceProcess(settings))
    const urls = instances.map(({ url }) => url)
    const cast = { others, attackers, urls, nextUser: FIRST_OTHER, ...(await signUp(databaseUrl, urls)) }
    await others.ask('arrive', { urls, password: cast.password })
    const measured: Measured[] = []
    for (const [name, attack] of Object.entries(attacks)) {
      note(name)
      measured.push(await playAttack(cast, name, attack))
    }
    return measured
  } finally {
    await Promise.all([others.stop(), attackers.stop()])
    for (const instance of instances) await instance.kill()
  }
}

async function signUp(databaseUrl: string, [url = '']: readonly string[]) {
  const client = new TestClient(url)
  const user = await client.register()
  await addCopies(databaseUrl, user.email, PEOPLE)
  const { access_token: accessToken } = await client.signIn(user)
  return { password: user.password, accessToken }
}

async function playAttack(cast: Cast, name: string, attack: Attack): Promise<Measured> {
  const quiet: SignIns[] = []
  const attacked: SignIns[] = []
  const responses: Responses[] = []
  for (let round = 1; round <= ROUNDS; round += 1) {
    const [before, during] = [nextUsers(cast, attack), nextUsers(cast, attack)]
    if (attack.placeOfOthers !== undefined) {
      await cast.others.ask('becomeKnown', { name, round, users: before })
      await cast.others.ask('becomeKnown', { name, round, users: during })
    }
    const { perSecond } = attack
    quiet.push(await cast.others.ask('signIn', { name, round, users: before, perSecond }))
    const { urls, password, accessToken } = cast
    await cast.attackers.ask('begin', { name, round, others: during, urls, password, accessToken })
    await delay(SETTLE_MS)
    attacked.push(await cast.others.ask('signIn', { name, round, users: during, perSecond }))
    responses.push(await cast.attackers.ask('end', undefined))
    await delay(SETTLE_MS)
  }
  return { name, isBought: attack.isBought === true, quiet, attacked, responses }
}

function nextUsers(cast: Cast, { perSecond }: Attack): Users {
  const users = { first: cast.nextUser, count: perSecond * SECONDS }
  cast.nextUser += users.count
  return users
}
