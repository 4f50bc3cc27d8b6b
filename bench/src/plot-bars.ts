import { readable } from './numbers.ts'
import type { BarPlot } from './plot.ts'
import { colour, element, faint, LETTER, line, page, text, TOP } from './svg.ts'

const WIDTH = 820
const RIGHT = WIDTH - 100
const BAR = 18
const GAP = 16

export function drawBars({ title, subtitle, unit, series, groups }: BarPlot): string {
  const left = 34 + Math.max(13, ...groups.map(({ name }) => name.length)) * LETTER
  const all = groups.flatMap(({ values }) => values.filter((value) => value !== undefined))
  const low = Math.floor(Math.log10(Math.min(...all)))
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...all))))
  const at = (value: number): number => left + ((Math.log10(value) - low) / (high - low)) * (RIGHT - left)

  const bars: string[] = []
  let y = TOP + GAP
  for (const { name, values } of groups) {
    const drawn = values.flatMap((value, index) => (value === undefined ? [] : [{ value, index }]))
    bars.push(text(left - 12, y + (drawn.length * BAR) / 2 + 4, name, { 'text-anchor': 'end' }))
    for (const { value, index } of drawn) {
      const width = Math.max(1, at(value) - left)
      bars.push(
        element('rect', { x: left, y: y + 1, width, height: BAR - 3, rx: 2, fill: colour(index) }),
        text(left + width + 6, y + BAR - 5, readable(value), { 'font-size': 12 }),
      )
      y += BAR
    }
    y += GAP
  }

  const ticks = Array.from({ length: high - low + 1 }, (_, step) => 10 ** (low + step))
  const axis = ticks.flatMap((tick) => [
    line(at(tick), TOP, at(tick), y),
    faint(at(tick), y + 18, tick.toLocaleString('en'), { 'text-anchor': 'middle' }),
  ])
  const caption = faint(left, y + 38, `${unit}, logarithmic`)
  return page({ title, subtitle, width: WIDTH, height: y + 54, series }, [...axis, ...bars, caption])
}
