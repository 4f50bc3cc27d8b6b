/** Shorter names have too many neighbours that mean something else, as PORT has SORT. */
const SHORTEST = 6
const MOST_SLIPS = 2

/** The known name that this one is a slip of the keyboard away from, or undefined. */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  if (name.length < SHORTEST) return undefined
  const wanted = name.toUpperCase()
  const [nearest] = [...known]
    .filter((candidate) => candidate.length >= SHORTEST)
    .map((candidate) => ({ candidate, slips: slipsBetween(wanted, candidate) }))
    .toSorted((a, b) => a.slips - b.slips)
  return nearest !== undefined && nearest.slips <= MOST_SLIPS ? nearest.candidate : undefined
}

/** Letters to insert, remove or replace (Levenshtein's distance). Two exchanged neighbours count as two. */
function slipsBetween(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index)
  for (const [index, letter] of Array.from(one).entries()) {
    const next = [index + 1]
    for (const [column, wanted] of Array.from(other).entries()) {
      const replaced = (row[column] ?? 0) + (letter === wanted ? 0 : 1)
      next.push(Math.min(replaced, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1))
    }
    row = next
  }
  return row.at(-1) ?? 0
}
