import { MESSAGING } from '../../domain/delivery.ts'
import type { ReservedUsernames } from '../../domain/reserved-usernames.ts'
import { registerUser, type User } from '../../domain/user.ts'
import type { Clock } from '../ports/clock.ts'
import type { ImportedUsers } from '../ports/imported-users.ts'
import type { OldUser, OldUsers } from '../ports/old-users.ts'
import { GREATEST_KEPT_ID, readOldUser, type Candidate, type Remark } from './read-old-user.ts'
import { claimsOf, TakenClaims, type Admission } from './taken-claims.ts'

export interface ImportUsersDeps {
  readonly oldUsers: OldUsers
  readonly importedUsers: ImportedUsers
  /** Whether a sign-in can check such a hash. */
  readonly recognisesHash: (hash: string) => boolean
  readonly reservedUsernames: ReservedUsernames
  /** The messaging service has copies of the users with the addresses of their older pictures. */
  readonly hasMessaging: boolean
  /** With mail several users may have an address, until one of them verifies it. */
  readonly mailIsOn: boolean
  readonly clock: Clock
}

/** The outcome of one row. */
export interface Outcome {
  readonly row: OldUser
  readonly outcome: 'imported' | 'already_there' | 'skipped'
  /** Why it was skipped, or notes about an imported user. */
  readonly remarks: readonly Remark[]
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
 * Imports the users of another service with their ids and password hashes. No progress is stored: a user who exists
 * already is left unchanged, so the import may run again and continues where it stopped.
 *
 * Consumers get no events: they know these users by the same ids. Only the messaging service is sent each user, because it
 * finds a chat by exact copies of name and picture, and every user has another picture now. The audit
 * log gets an entry for each page.
 */
export const importUsers =
  (deps: ImportUsersDeps) =>
  async ({ begin, note, shouldStop }: ImportUsersInput): Promise<'done' | 'stopped'> => {
    const { oldUsers, importedUsers } = deps
    const { count, greatestId } = await oldUsers.survey(GREATEST_KEPT_ID)
    begin(count)
    // Before the first page: a user who registers meanwhile must not get the id of one who is still to be imported.
    if (greatestId !== undefined) await importedUsers.reserveIds(greatestId)
    for await (const page of oldUsers.pages()) {
      if (shouldStop()) return 'stopped'
      await note(await importPage(deps)(page))
    }
    return 'done'
  }

const importPage =
  ({ importedUsers, recognisesHash, reservedUsernames, hasMessaging, mailIsOn, clock }: ImportUsersDeps) =>
  async (page: readonly OldUser[]): Promise<readonly Outcome[]> => {
    const read = page.map((row) => ({ row, result: readOldUser(row, { recognisesHash, reservedUsernames }) }))
    const candidates = read.flatMap(({ result }) => (result.kind === 'candidate' ? [result.candidate] : []))
    const now = clock.now()
    return importedUsers.transaction(async (tx) => {
      const taken = new TakenClaims(await tx.holdings(claimsOf(candidates)), { mayShareAddresses: mailIsOn })
      const added: User[] = []
      const outcomes = read.map(({ row, result }): Outcome => {
        switch (result.kind) {
          case 'unusable':
            return { row, outcome: 'skipped', remarks: [result.remark] }
          case 'candidate': {
            const admission = taken.admit(result.candidate)
            if (admission.kind === 'admitted') added.push(toUser(result.candidate, now))
            return outcomeOf(row, result.candidate, admission)
          }
        }
      })
      if (added.length === 0) return outcomes
      await tx.addAll(added, now)
      const ids = added.map(({ id }) => id)
      if (hasMessaging) await tx.announce(MESSAGING, ids, now)
      return outcomes
    })
  }

function outcomeOf(row: OldUser, { remarks }: Candidate, admission: Admission): Outcome {
  switch (admission.kind) {
    case 'admitted':
      return { row, outcome: 'imported', remarks }
    case 'already_there':
      return { row, outcome: 'already_there', remarks }
    case 'refused':
      return { row, outcome: 'skipped', remarks: [admission.remark] }
  }
}

const toUser = ({ id, username, email, passwordHash }: Candidate, now: Date): User => ({
  ...registerUser(username, email, passwordHash, now),
  id,
})
