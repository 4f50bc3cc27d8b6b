import { readable } from './numbers.ts'
import type { CurvePlot } from './plot.ts'
import { percentiles } from './statistics.ts'
import { colour, element, faint, line, page, TOP } from './svg.ts'

const WIDTH = 820
const LEFT = 70
const RIGHT = WIDTH - 30
const BOTTOM = 400
const MARKS = [0, 0.5, 0.9, 0.99, 0.999, 0.9999]
/** Where the slowest of all is drawn: behind the last mark. */
const END = 4.4

/** Each nine as wide as the one before: what is rare is what matters. */
const nines = (share: number): number => Math.min(END, -Math.log10(1 - share))

const x = (share: number): number => LEFT + (nines(share) / END) * (RIGHT - LEFT)

export function drawCurves({ title, subtitle, unit, limit, curves }: CurvePlot): string {
  const shares = [...Array.from({ length: 220 }, (_, index) => 1 - 10 ** -((index / 220) * END)), 1]
  const heights = curves.map(({ values }) => percentiles(values, shares))
  const highest = Math.max(limit.value, ...heights.map((each) => each.at(-1) ?? 0))
  const step = niceStep(highest / 6)
  const top = Math.ceil((highest * 1.02) / step) * step
  const y = (value: number): number => BOTTOM - (Math.max(0, value) / top) * (BOTTOM - TOP)

  const axes = [
    ...Array.from({ length: Math.round(top / step) + 1 }, (_, index) => index * step).flatMap((tick) => [
      line(LEFT, y(tick), RIGHT, y(tick)),
      faint(LEFT - 8, y(tick) + 4, readableTick(tick), { 'text-anchor': 'end' }),
    ]),
    ...[...MARKS, 1].flatMap((share) => [
      line(x(share), TOP, x(share), BOTTOM),
      faint(x(share), BOTTOM + 18, markName(share), { 'text-anchor': 'middle' }),
    ]),
    faint(LEFT, BOTTOM + 38, `share of refusals that were no later, by ${unit}`),
  ]
  const bound = line(LEFT, y(limit.value), RIGHT, y(limit.value), {
    stroke: '#b3261e',
    'stroke-width': 1.5,
    'stroke-dasharray': '6 4',
  })
  const drawn = heights.map((each, index) => {
    const points = each.map((height, at) => `${x(shares[at] ?? 1).toFixed(1)},${y(height).toFixed(1)}`)
    const look = { fill: 'none', stroke: colour(index), 'stroke-width': 2.5, 'stroke-linejoin': 'round' }
    return element('polyline', { points: points.join(' '), ...look })
  })
  // Last and with a rim, so that no curve crosses the words out.
  const rim = { stroke: '#ffffff', 'stroke-width': 4, 'paint-order': 'stroke' }
  const boundName = faint(RIGHT - 6, y(limit.value) - 6, limit.name, {
    ...rim,
    fill: '#b3261e',
    'text-anchor': 'end',
  })
  const series = curves.map(({ name }) => name)
  return page({ title, subtitle, width: WIDTH, height: BOTTOM + 54, series }, [
    ...axes,
    bound,
    ...drawn,
    boundName,
  ])
}

const markName = (share: number): string =>
  share === 0 ? 'first' : share === 1 ? 'last' : `${Number((share * 100).toFixed(2))} %`

const readableTick = (tick: number): string => (tick === 0 ? '0' : readable(tick).replace(/\.0+$/, ''))

/** 1, 2 or 5 times a power of ten. */
function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least))
  return power * ([1, 2, 5].find((factor) => factor * power >= least) ?? 10)
}
