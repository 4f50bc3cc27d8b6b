import { printable, shortened, width } from './text.ts'

export type Cell = string | number | boolean | null | undefined

const GAP = '  '
/** For what strangers wrote. */
const WORDS_AT_MOST = 60

/** Rows under headings, in columns; with a line for nobody when there is none. */
export function table(headings: readonly string[], rows: readonly (readonly Cell[])[], none: string): string {
  if (rows.length === 0) return `${none}\n`
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

/** As people read it, and as precise as they need it. */
export const time = (text: string | null): string =>
  text === null ? '-' : text.replace('T', ' ').replace(/\.\d+Z$/, 'Z')

/** Made safe before it is cut, so that no escape is. */
export const words = (text: string): string => shortened(printable(text), WORDS_AT_MOST)
