import { expect, test } from 'vitest'
import type { Finding } from '../src/bench.ts'
import { readable } from '../src/numbers.ts'
import { drawPlot } from '../src/plot.ts'
import { markdownTable, textTable } from '../src/table.ts'

const findings: readonly Finding[] = [
  { promise: 'fast', figure: '1 ms', against: '2 ms', ratio: 0.5, isKept: true },
  { promise: 'small | light', figure: '100 bytes', against: 'nothing', ratio: 1.234, isKept: false },
  { promise: 'plain', figure: '5', against: 'a peer' },
]

test('numbers are shown with three significant digits', () => {
  expect([7_410.4, 113.2, 12.34, 1.234, 0.0123, NaN].map(readable)).toEqual([
    '7,410',
    '113',
    '12.3',
    '1.23',
    '0.012',
    '-',
  ])
})

test('the table marks promises kept and missed, and rows without a promise not at all', () => {
  const lines = textTable(findings).split('\n')
  expect(lines[2]).toMatch(/^fast .* 0\.500x +kept$/)
  expect(lines[3]).toMatch(/^small \| light .* 1\.23x +MISSED$/)
  expect(lines[4]).toMatch(/a peer$/)
})

test('a missed promise gives its reason in its own row, others do not', () => {
  const explained = (isKept?: boolean): Finding => ({
    promise: 'fast',
    figure: '3 ms',
    against: '2 ms',
    ratio: 1.5,
    whyNot: 'the disk | the network',
    ...(isKept !== undefined && { isKept }),
  })
  const all = [explained(false), explained(true), explained()]
  const endings = textTable(all).split('\n').slice(2)
  expect(endings[0]).toMatch(/1\.50x {2}MISSED: the disk \| the network$/)
  expect(endings[1]).toMatch(/1\.50x {2}kept$/)
  expect(endings[2]).toMatch(/1\.50x$/)
  const cells = markdownTable(all).split('\n').slice(2)
  expect(cells[0]).toMatch(/\| MISSED: the disk \\\| the network \|$/)
  expect(cells[1]).toMatch(/\| kept \|$/)
  expect(cells[2]).toMatch(/\| 1\.50x \| {2}\|$/)
})

test('the columns of the table line up', () => {
  const starts = textTable(findings)
    .split('\n')
    .map((line) => line.search(/figure|-{3,}(?= +-+ +-+$)|1 ms|100 bytes|5/))
  expect(new Set([starts[0], starts[2], starts[3], starts[4]]).size).toBe(1)
})

test('a vertical bar inside a cell is escaped', () => {
  expect(markdownTable(findings).split('\n')[3]).toBe(
    '| small \\| light | 100 bytes | nothing | 1.23x | MISSED |',
  )
})

const bars = {
  kind: 'bars',
  name: 'cost',
  title: 'Costs <of> "this" & that',
  subtitle: '',
  unit: 'µs',
  series: ['one', 'other'],
} as const

/** The widths of the bars, in the order in which they are drawn. */
const widths = (svg: string): number[] =>
  [...svg.matchAll(/<path d="M[\d.]+ [^"]*?[lL]([\d.]+) [^"]*Z"[^>]*ecmeta_ssr_type="chart"/g)].map(
    ([, width]) => Number(width),
  )

test('a bar for ten times the value is one decade longer', () => {
  const drawn = widths(
    drawPlot({
      ...bars,
      series: ['one', 'ten', 'hundred'],
      groups: [{ name: 'all', values: [0.2, 2, 20] }],
    }),
  )
  expect(drawn).toHaveLength(3)
  const [one = 0, ten = 0, hundred = 0] = drawn
  expect(ten - one).toBeGreaterThan(0)
  expect(ten - one).toBeCloseTo(hundred - ten, 0)
})

test('a missing value has no bar', () => {
  expect(widths(drawPlot({ ...bars, groups: [{ name: 'a', values: [3, undefined] }] }))).toHaveLength(1)
})

test('text in a plot is escaped', () => {
  const svg = drawPlot({ ...bars, groups: [{ name: '<b>', values: [1, 2] }] })
  expect(svg).toContain('Costs &lt;of&gt; &quot;this&quot; &amp; that')
  expect(svg).not.toContain('<b>')
})

test('a curve ends at the slowest value, relative to the limit line', () => {
  const draw = (values: readonly number[]): string =>
    drawPlot({
      kind: 'curves',
      name: 'c',
      title: 'c',
      subtitle: '',
      unit: 'ms',
      limit: { value: 100, name: 'limit' },
      curves: [{ name: 'one', values }],
    })
  const heightOfLimit = (svg: string): number => Number(/ ([\d.]+)"[^>]*stroke-dasharray/.exec(svg)?.[1])
  const heightOfEnd = (svg: string): number =>
    Number(/d="M[^"]* ([\d.]+)"[^>]*stroke="#0072b2" stroke-width="2" stroke-linejoin/.exec(svg)?.[1])
  const [low, high] = [draw([1, 2, 50]), draw([1, 2, 400])]
  // Smaller is higher up.
  expect(heightOfEnd(low)).toBeGreaterThan(heightOfLimit(low))
  expect(heightOfEnd(high)).toBeLessThan(heightOfLimit(high))
  expect(heightOfEnd(high)).toBeGreaterThan(0)
})
