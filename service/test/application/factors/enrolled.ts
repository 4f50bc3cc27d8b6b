import type { Caller } from '../../../src/application/sessions/caller.ts'
import type { RecoveryCode } from '../../../src/domain/recovery-code.ts'
import type { User } from '../../../src/domain/user.ts'
import { fakeCodeAt } from '../../fakes/fake-factor-secrets.ts'
import type { World } from '../world.ts'

export interface Enrolled {
  /** With the tokens that the enrolment gave. */
  readonly caller: Caller
  readonly recoveryCodes: readonly RecoveryCode[]
}

/** The code that the authenticators of all users show now. */
export const codeIn = ({ deps }: World): string => fakeCodeAt(deps.clock.now())

/** Signs Anna in and adds an authenticator. Then passes a step, so that the code of now is not the used one. */
export async function enrol(world: World): Promise<Enrolled> {
  const before = await world.signInAsCaller()
  await world.useCases.startTotp(before)
  const { tokens, recoveryCodes = [] } = await world.useCases.confirmTotp(before, { code: codeIn(world) })
  const caller = await world.useCases.authenticate(tokens.accessToken)
  world.pass(30)
  return { caller, recoveryCodes }
}

/** The user as stored. */
export const storedUser = ({ store }: World, { id }: Pick<User, 'id'>): User => {
  const user = store.world().users.get(id)
  if (user === undefined) throw new Error('no such user')
  return user
}
