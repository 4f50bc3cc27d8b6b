import { BarChart, LineChart } from 'echarts/charts'
import { GridComponent, LegendComponent, MarkLineComponent, TitleComponent } from 'echarts/components'
import { init, use, type EChartsCoreOption } from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'
import { readable } from './numbers.ts'
import { percentiles } from './statistics.ts'

use([BarChart, LineChart, GridComponent, LegendComponent, MarkLineComponent, TitleComponent, SVGRenderer])

interface PlotText {
  /** Part of the file's name. */
  readonly name: string
  readonly title: string
  readonly subtitle: string
}

/** Horizontal bars in groups, on a logarithmic axis. */
export interface BarPlot extends PlotText {
  readonly kind: 'bars'
  readonly unit: string
  /** The same in every group; each has its colour. */
  readonly series: readonly string[]
  readonly groups: readonly { readonly name: string; readonly values: readonly (number | undefined)[] }[]
}

/** How long the fastest half took, the fastest 90 %, and so on to the slowest of all. */
interface CurvePlot extends PlotText {
  readonly kind: 'curves'
  readonly unit: string
  readonly limit: { readonly value: number; readonly name: string }
  readonly curves: readonly { readonly name: string; readonly values: readonly number[] }[]
}

export type Plot = BarPlot | CurvePlot

const WIDTH = 820
/** Colour-blind readers can tell these apart (Okabe and Ito). */
const COLOURS = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00']
const RED = '#b3261e'

/** The plot as the text of an SVG image. */
export function drawPlot(plot: Plot): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: heightOf(plot) })
  try {
    chart.setOption({ ...frame(plot), ...(plot.kind === 'bars' ? bars(plot) : curves(plot)) })
    return `${chart.renderToSVGString()}\n`
  } finally {
    chart.dispose()
  }
}

const BAR_HEIGHT = 22
const GROUP_GAP = 14

const heightOf = (plot: Plot): number =>
  plot.kind === 'curves' ? 460 : 160 + plot.groups.length * (barsPerGroup(plot) * BAR_HEIGHT + GROUP_GAP)

const hasOneBarPerGroup = ({ groups }: BarPlot): boolean =>
  groups.every(({ values }) => values.filter((value) => value !== undefined).length <= 1)

const barsPerGroup = (plot: BarPlot): number => (hasOneBarPerGroup(plot) ? 1 : plot.series.length)

const frame = ({ title, subtitle }: PlotText): EChartsCoreOption => ({
  animation: false,
  backgroundColor: '#ffffff',
  color: COLOURS,
  aria: { enabled: true, label: { description: title } },
  title: { text: title, subtext: subtitle, left: 16, top: 10, textStyle: { fontSize: 17 } },
  legend: { left: 16, top: 64, itemWidth: 12, itemHeight: 12, itemGap: 24 },
  grid: { left: 20, right: 90, top: 100, bottom: 30, outerBoundsMode: 'same', outerBoundsContain: 'all' },
})

function bars(plot: BarPlot): EChartsCoreOption {
  const { unit, series, groups } = plot
  const all = groups.flatMap(({ values }) => values.filter((value) => value !== undefined))
  const least = 10 ** Math.floor(Math.log10(Math.min(...all)))
  return {
    xAxis: {
      type: 'log',
      name: `${unit}, logarithmic`,
      nameLocation: 'middle',
      nameGap: 28,
      min: least,
      // Without it, bars begin at 1 and those of smaller values grow to the left.
      startValue: least,
    },
    yAxis: {
      type: 'category',
      inverse: true,
      data: groups.map(({ name }) => name),
      axisTick: { show: false },
    },
    series: series.map((name, index) => ({
      type: 'bar',
      name,
      // Where each group has one bar, the empty places of the other series take no room.
      barGap: hasOneBarPerGroup(plot) ? '-100%' : '10%',
      data: groups.map(({ values }) => values[index] ?? null),
      label: { show: true, position: 'right', formatter: ({ value }: { value: number }) => readable(value) },
    })),
  }
}

/** Shares marked on the axis. Each nine is as wide as the one before: the rare cases are the ones that matter. */
const MARKS = [0, 0.5, 0.9, 0.99, 0.999, 0.9999]
/** Where the slowest of all is drawn, beyond the last mark. */
const END = 4.4

const nines = (share: number): number => Math.min(END, -Math.log10(1 - share))

function curves({ unit, limit, curves: drawn }: CurvePlot): EChartsCoreOption {
  const shares = [...Array.from({ length: 220 }, (_, index) => 1 - 10 ** -((index / 220) * END)), 1]
  return {
    xAxis: {
      type: 'value',
      min: 0,
      max: END,
      name: `share of refusals that were as fast, by ${unit}`,
      nameLocation: 'middle',
      nameGap: 28,
      axisLabel: { customValues: [...MARKS, 1].map(nines), formatter: shareName },
      axisTick: { customValues: [...MARKS, 1].map(nines) },
      splitLine: { show: false },
    },
    yAxis: { type: 'value', min: 0, max: ({ max }: { max: number }) => Math.max(max, limit.value) * 1.02 },
    series: drawn.map(({ name, values }, index) => ({
      type: 'line',
      name,
      showSymbol: false,
      data: percentiles(values, shares).map((value, at) => [nines(shares[at] ?? 1), Math.max(0, value)]),
      ...(index === 0 && { markLine: limitLine(limit) }),
    })),
  }
}

const limitLine = ({ value, name }: CurvePlot['limit']) => ({
  symbol: 'none',
  data: [{ yAxis: value }],
  lineStyle: { color: RED, type: 'dashed' },
  label: { formatter: name, position: 'insideEndTop', color: RED },
})

const shareName = (at: number): string => {
  if (at <= 0) return 'first'
  return at >= END ? 'last' : `${Number((100 * (1 - 10 ** -at)).toFixed(2))} %`
}
