import type { Finding } from './bench.ts'
import { readable } from './numbers.ts'

const HEADINGS = ['promise', 'figure', 'limit or peer in the same run', 'ratio', ''] as const

const cellsOf = (finding: Finding): string[] => [
  finding.promise,
  finding.figure,
  finding.against,
  finding.ratio === undefined ? '' : `${readable(finding.ratio)}x`,
  verdictOf(finding),
]

function verdictOf({ isKept, whyNot }: Finding): string {
  if (isKept === undefined) return ''
  if (isKept) return 'kept'
  return whyNot === undefined ? 'MISSED' : `MISSED: ${whyNot}`
}

/** For a terminal. */
export function textTable(findings: readonly Finding[]): string {
  const rows = [[...HEADINGS], ...findings.map(cellsOf)]
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  const rule = widths.map((width) => '-'.repeat(width)).join('  ')
  return [lines[0], rule, ...lines.slice(1)].join('\n')
}

/** The same for a page. */
export const markdownTable = (findings: readonly Finding[]): string =>
  [[...HEADINGS], HEADINGS.map(() => '---'), ...findings.map(cellsOf)]
    .map((row) => `| ${row.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n')
