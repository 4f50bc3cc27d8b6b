import { drawBars } from './plot-bars.ts'
import { drawCurves } from './plot-curves.ts'

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
export interface CurvePlot extends PlotText {
  readonly kind: 'curves'
  readonly unit: string
  readonly limit: { readonly value: number; readonly name: string }
  readonly curves: readonly { readonly name: string; readonly values: readonly number[] }[]
}

export type Plot = BarPlot | CurvePlot

/** As SVG, for a browser. */
export const drawPlot = (plot: Plot): string => (plot.kind === 'bars' ? drawBars(plot) : drawCurves(plot))
