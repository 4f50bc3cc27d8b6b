import { readFileSync } from 'node:fs'

/** A row of docs/security.md: its id is the tag of the tests that show it. */
export interface RequirementRow {
  readonly id: string
  readonly row: string
  /** Relative to service/test, or to the root if they begin with end-to-end or verifiers. */
  readonly files: readonly string[]
}

/** The rows of docs/security.md, and the sentences outside its tables that carry an id. */
export function requirementRows(): RequirementRow[] {
  const page = readFileSync(new URL('../docs/security.md', import.meta.url), 'utf8')
  // A sentence may be wrapped anywhere: only rows of tables and paragraphs are lines of their own.
  return page.split(/\n(?=\||\n)/u).flatMap((lines) => {
    const row = lines.trim().replaceAll('\n', ' ')
    const id = /^\| ([A-Z-]+-\d+) +\||\(([A-Z-]+-\d+): /u.exec(row)
    if (id === null) return []
    const files = [...row.matchAll(/`([\w./-]+\.(?:test|contract)\.ts)`/gu)].map(([, file = '']) => file)
    return [{ id: id[1] ?? id[2] ?? '', row, files }]
  })
}
