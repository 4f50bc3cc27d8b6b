/** Told apart by those who see colours otherwise, too (Okabe and Ito). */
const COLOURS = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00'] as const
const GREY = '#d0d4d9'
const INK = '#1c2126'
const FAINT = '#5b6470'

export const colour = (index: number): string => COLOURS[index % COLOURS.length] ?? COLOURS[0]

type Attributes = Readonly<Record<string, string | number>>

const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

export function element(name: string, attributes: Attributes, content = ''): string {
  const written = Object.entries(attributes).map(([key, value]) => {
    const shown = typeof value === 'number' ? Number(value.toFixed(1)) : escape(value)
    return ` ${key}="${shown}"`
  })
  return `<${name}${written.join('')}>${content}</${name}>`
}

export const text = (x: number, y: number, words: string, attributes: Attributes = {}): string =>
  element('text', { x, y, ...attributes }, escape(words))

export const faint = (x: number, y: number, words: string, attributes: Attributes = {}): string =>
  text(x, y, words, { fill: FAINT, 'font-size': 12, ...attributes })

export const line = (x1: number, y1: number, x2: number, y2: number, attributes: Attributes = {}): string =>
  element('line', { x1, y1, x2, y2, stroke: GREY, ...attributes })

/** About the width of one, so that words do not touch. */
export const LETTER = 7.5

/** Where what follows the title and the legend begins. */
export const TOP = 100

interface Page {
  readonly title: string
  readonly subtitle: string
  readonly width: number
  readonly height: number
  readonly series: readonly string[]
}

export function page({ title, subtitle, width, height, series }: Page, content: readonly string[]): string {
  let x = 20
  const legend = series.flatMap((name, index) => {
    const drawn = [
      element('rect', { x, y: 66, width: 12, height: 12, rx: 2, fill: colour(index) }),
      text(x + 18, 77, name, { 'font-size': 13 }),
    ]
    x += 42 + name.length * LETTER
    return drawn
  })
  const whole = [
    element('rect', { width, height, fill: '#ffffff' }),
    text(20, 30, title, { 'font-size': 18, 'font-weight': 600 }),
    faint(20, 51, subtitle),
    ...legend,
    ...content,
  ]
  const attributes = {
    xmlns: 'http://www.w3.org/2000/svg',
    viewBox: `0 0 ${width} ${height}`,
    'font-family': 'system-ui, sans-serif',
    'font-size': 13,
    fill: INK,
    role: 'img',
    'aria-label': title,
  }
  return `${element('svg', attributes, `\n${whole.join('\n')}\n`)}\n`
}
