import { registerUser, type User } from '../../domain/user.ts'
import type { Clock } from '../ports/clock.ts'
import type { ImportedUsers } from '../ports/imported-users.ts'
import type { OldUser, OldUsers } from '../ports/old-users.ts'
import { GREATEST_KEPT_ID, readOldUser, type Candidate, type Remark } from './read-old-user.ts'
import { claimsOf, TakenClaims } from './taken-claims.ts'

export interface ImportUsersDeps {
  readonly oldUsers: OldUsers
  readonly importedUsers: ImportedUsers
  /** Whether a sign-in can check such a hash. */
  readonly recognisesHash: (hash: string) => boolean
  readonly clock: Clock
}

/** What became of a row. */
export interface Outcome {
  readonly row: OldUser
  readonly outcome: 'imported' | 'already_there' | 'skipped'
  /** Why it was skipped, or what is to be known about a person who was not. */
  readonly remark: Remark | undefined
}

export interface ImportUsersInput {
  /** Called once, before the first page, with the number of rows. */
  readonly begin: (count: number) => void
  /** Called after each page, once it is durable. */
  readonly note: (outcomes: readonly Outcome[]) => Promise<void>
  /** Asked before each page. */
  readonly shouldStop: () => boolean
}

/**
 * Brings the people of another service over with their ids and password hashes. Nothing is kept about how far it came:
 * whoever is there already is left as they are, so it may run again and goes on where it was stopped.
 *
 * It writes no events: those who listen know these people by the same ids, and nothing about them has changed.
 */
export const importUsers =
  (deps: ImportUsersDeps) =>
  async ({ begin, note, shouldStop }: ImportUsersInput): Promise<'done' | 'stopped'> => {
    const { oldUsers, importedUsers } = deps
    const { count, greatestId } = await oldUsers.survey(GREATEST_KEPT_ID)
    begin(count)
    // Before the first page: people who register meanwhile must not get the ids of those who are still to come.
    if (greatestId !== undefined) await importedUsers.reserveIds(greatestId)
    for await (const page of oldUsers.pages()) {
      if (shouldStop()) return 'stopped'
      await note(await importPage(deps)(page))
    }
    return 'done'
  }

const importPage =
  ({ importedUsers, recognisesHash, clock }: ImportUsersDeps) =>
  async (page: readonly OldUser[]): Promise<readonly Outcome[]> => {
    const read = page.map((row) => ({ row, result: readOldUser(row, recognisesHash) }))
    const candidates = read.map(({ result }) => result).filter((result) => result.id !== undefined)
    const now = clock.now()
    return importedUsers.transaction(async (tx) => {
      const taken = new TakenClaims(await tx.holdings(claimsOf(candidates)))
      const added: User[] = []
      const outcomes = read.map(({ row, result }): Outcome => {
        if (result.id === undefined) return { row, outcome: 'skipped', remark: result.remark }
        const verdict = taken.admit(result)
        if (typeof verdict === 'object') return { row, outcome: 'skipped', remark: verdict }
        if (verdict === 'imported') added.push(toUser(result, now))
        return { row, outcome: verdict, remark: result.remark }
      })
      if (added.length > 0) await tx.addAll(added)
      return outcomes
    })
  }

const toUser = ({ id, username, email, passwordHash }: Candidate, now: Date): User => ({
  ...registerUser(username, email, passwordHash, now),
  id,
})
