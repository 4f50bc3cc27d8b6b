import { expect, test } from 'vitest'
import type { Finding } from '../src/bench.ts'
import { readable } from '../src/numbers.ts'
import { drawPlot } from '../src/plot.ts'
import { markdownTable, textTable } from '../src/table.ts'

const findings: readonly Finding[] = [
  { promise: 'fast', figure: '1 ms', against: '2 ms', ratio: 0.5, isKept: true },
  { promise: 'small | light', figure: '100 bytes', against: 'nothing', ratio: 1.234, isKept: false },
  { promise: 'told', figure: '5', against: 'a peer' },
]

test('numbers are shown with three digits that count', () => {
  expect([7_410.4, 113.2, 12.34, 1.234, 0.0123, NaN].map(readable)).toEqual([
    '7,410',
    '113',
    '12.3',
    '1.23',
    '0.012',
    '-',
  ])
})

test('the table says what was kept and what was missed, and neither where nothing was promised', () => {
  const lines = textTable(findings).split('\n')
  expect(lines[2]).toMatch(/^fast .* 0\.500x +kept$/)
  expect(lines[3]).toMatch(/^small \| light .* 1\.23x +MISSED$/)
  expect(lines[4]).toMatch(/a peer$/)
})

test('what was missed says why in its own row, what was kept or not promised does not', () => {
  const explained = (isKept?: boolean): Finding => ({
    ...{ promise: 'fast', figure: '3 ms', against: '2 ms', ratio: 1.5, whyNot: 'the disk | the network' },
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

test('a bar in a cell does not end it on the page', () => {
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

/** Of the bars alone: the legend's squares are 12 high. */
const widths = (svg: string): number[] =>
  [...svg.matchAll(/<rect [^>]*width="([\d.]+)" height="15"/g)].map(([, width]) => Number(width))

test('a bar ten times as long in figures is one decade longer on the axis', () => {
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

test('what was not measured has no bar', () => {
  expect(widths(drawPlot({ ...bars, groups: [{ name: 'a', values: [3, undefined] }] }))).toHaveLength(1)
})

test('words in a plot cannot become markup', () => {
  const svg = drawPlot({ ...bars, groups: [{ name: '<b>', values: [1, 2] }] })
  expect(svg).toContain('Costs &lt;of&gt; &quot;this&quot; &amp; that')
  expect(svg).not.toContain('<b>')
})

test('a curve ends at the slowest of all, and the axis reaches beyond it and beyond the limit', () => {
  const draw = (values: readonly number[]): string =>
    drawPlot({
      ...{ kind: 'curves', name: 'c', title: 'c', subtitle: '', unit: 'ms' },
      limit: { value: 100, name: 'limit' },
      curves: [{ name: 'one', values }],
    })
  const lastHeight = (svg: string): number => Number(/,([\d.]+)" fill="none"/.exec(svg)?.[1])
  const [low, high] = [draw([1, 2, 50]), draw([1, 2, 400])]
  // The axis goes from y = 400 up to y = 100: to 120 for the limit's sake, to 500 for the value's.
  expect(lastHeight(low)).toBe(400 - (50 / 120) * 300)
  expect(lastHeight(high)).toBe(400 - (400 / 500) * 300)
})
