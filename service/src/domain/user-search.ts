import type { UserId } from './user.ts'

/** How well a name fits what is looked for; better ones come first. */
export const MATCHES = ['exact', 'prefix', 'inside'] as const
export type Match = (typeof MATCHES)[number]

/** The place of a name among the matches, which are in a stable order: the next page begins after it. */
export interface SearchPlace {
  readonly match: Match
  /** The rest of the name from where the fragment was found. */
  readonly ending: string
  readonly userId: UserId
}
