import type { Finding } from './bench.ts'
import { readable } from './numbers.ts'

const HEADINGS = ['promise', 'figure', 'limit or peer in the same run', 'ratio', ''] as const

const cellsOf = ({ promise, figure, against, ratio, isKept }: Finding): string[] => [
  promise,
  figure,
  against,
  ratio === undefined ? '' : `${readable(ratio)}x`,
  isKept === undefined ? '' : isKept ? 'kept' : 'MISSED',
]

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
