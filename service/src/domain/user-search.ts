import type { UserId } from './user.ts'

/** How well a name matches the fragment. Better matches come first. */
export const MATCHES = ['exact', 'prefix', 'inside'] as const
export type Match = (typeof MATCHES)[number]

/** The position of a name among the matches, whose order is stable. The next page begins after it. */
export interface SearchCursor {
  readonly match: Match
  /** The rest of the name from where the fragment was found. */
  readonly ending: string
  readonly userId: UserId
}
