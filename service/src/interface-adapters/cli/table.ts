import { printable, shortened, width } from './text.ts'

export type Cell = string | number | boolean | null | undefined

const GAP = '  '
/** Of a text from outside, in columns. */
const MAXIMUM_TEXT_WIDTH = 60

/** Rows in columns under headings, or the line `ifEmpty` if there are no rows. */
export function table(
  headings: readonly string[],
  rows: readonly (readonly Cell[])[],
  ifEmpty: string,
): string {
  if (rows.length === 0) return `${ifEmpty}\n`
  const lines = [headings, ...rows.map((row) => row.map(textOf))]
  const widths = headings.map((_, at) => Math.max(...lines.map((line) => width(line[at] ?? ''))))
  return lines.map((line) => `${aligned(line, widths)}\n`).join('')
}

const aligned = (line: readonly string[], widths: readonly number[]): string =>
  line
    .map((cell, at) => cell + ' '.repeat((widths[at] ?? 0) - width(cell)))
    .join(GAP)
    .trimEnd()

function textOf(cell: Cell): string {
  if (cell === null || cell === undefined) return '-'
  if (typeof cell === 'boolean') return cell ? 'yes' : 'no'
  return printable(String(cell))
}

/** Without fractions of a second, and easier to read than ISO 8601. */
export const time = (text: string | null): string =>
  text === null ? '-' : text.replace('T', ' ').replace(/\.\d+Z$/, 'Z')

/** Made printable before it is cut, so that no escape sequence is cut in half. */
export const shortText = (text: string): string => shortened(printable(text), MAXIMUM_TEXT_WIDTH)
