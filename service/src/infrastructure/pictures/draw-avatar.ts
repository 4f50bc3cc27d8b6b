import type { AvatarSize, DrawnAvatar } from '../../domain/avatar.ts'
import { Canvas } from './canvas.ts'
import { strokesOf } from './letter-strokes.ts'

/** White on each has a contrast of at least 4.5 (WCAG 2.2, 1.4.3). */
export const BACKGROUNDS = [
  [0xb7, 0x1c, 0x3c],
  [0xad, 0x14, 0x57],
  [0x7b, 0x1f, 0xa2],
  [0x51, 0x2d, 0xa8],
  [0x30, 0x3f, 0x9f],
  [0x15, 0x65, 0xc0],
  [0x02, 0x69, 0x9a],
  [0x00, 0x6d, 0x77],
  [0x00, 0x69, 0x5c],
  [0x2e, 0x6f, 0x32],
  [0x8a, 0x4b, 0x08],
  [0x5d, 0x40, 0x37],
] as const
const WHITE = [0xff, 0xff, 0xff] as const

/** Draws what people without a picture are shown with, as PNG. The same is always drawn the same. */
export function drawAvatar(avatar: DrawnAvatar, size: AvatarSize): Buffer {
  const canvas = new Canvas(size)
  if ('letters' in avatar) drawLetters(canvas, avatar.letters, size)
  else drawPattern(canvas, avatar.pattern, size)
  return canvas.toPng(BACKGROUNDS[avatar.colour] ?? BACKGROUNDS[0], WHITE)
}

/** Of the letters' own units, ten of which are the height of a letter. */
const GAP = 3.2
const PEN_RADIUS = 0.85
const LETTER_HEIGHT = 10

function drawLetters(canvas: Canvas, letters: string, size: number): void {
  const drawings = Array.from(letters, (letter) => flatten(strokesOf(letter) ?? ''))
  const spans = drawings.map((lines) => {
    const xs = lines.flat().map(({ x }) => x)
    return { left: Math.min(...xs), width: Math.max(...xs) - Math.min(...xs) }
  })
  const width = spans.reduce((sum, span) => sum + span.width, GAP * (spans.length - 1))
  // Neither higher than two fifths of the picture nor wider than three.
  const scale = Math.min((size * 0.4) / LETTER_HEIGHT, (size * 0.6) / width)
  const top = (size - LETTER_HEIGHT * scale) / 2
  let left = (size - width * scale) / 2
  for (const [at, lines] of drawings.entries()) {
    const span = spans[at] ?? { left: 0, width: 0 }
    const place = ({ x, y }: Point): Point => ({ x: left + (x - span.left) * scale, y: top + y * scale })
    for (const [from, to] of lines) canvas.drawLine(place(from), place(to), PEN_RADIUS * scale)
    left += (span.width + GAP) * scale
  }
}

interface Point {
  readonly x: number
  readonly y: number
}
type Line = readonly [from: Point, to: Point]

const PIECES_OF_A_CURVE = 16

/** Strokes as straight lines. */
function flatten(strokes: string): Line[] {
  const lines: Line[] = []
  let at: Point = { x: 0, y: 0 }
  for (const [, command, numbers = ''] of strokes.matchAll(/([MLC])([^MLC]*)/g)) {
    const points = pointsIn(numbers)
    const [first = at, second = at, third = at] = points
    const end = points.at(-1) ?? at
    if (command === 'L') lines.push([at, end])
    if (command === 'C') lines.push(...curve(at, first, second, third))
    at = end
  }
  return lines
}

function pointsIn(numbers: string): Point[] {
  const values = numbers.split(' ').map(Number)
  return values.flatMap((x, at) => (at % 2 === 0 ? [{ x, y: values[at + 1] ?? 0 }] : []))
}

/** A cubic Bézier curve. */
function curve(from: Point, first: Point, second: Point, to: Point): Line[] {
  const pointAt = (t: number): Point => {
    const blend = (key: 'x' | 'y'): number =>
      (1 - t) ** 3 * from[key] +
      3 * (1 - t) ** 2 * t * first[key] +
      3 * (1 - t) * t ** 2 * second[key] +
      t ** 3 * to[key]
    return { x: blend('x'), y: blend('y') }
  }
  return Array.from({ length: PIECES_OF_A_CURVE }, (_, piece) => [
    pointAt(piece / PIECES_OF_A_CURVE),
    pointAt((piece + 1) / PIECES_OF_A_CURVE),
  ])
}

const FIELDS = 5

/** Five fields by five, the right half as the left one is. */
function drawPattern(canvas: Canvas, pattern: number, size: number): void {
  const side = Math.round(size / 8)
  const margin = (size - FIELDS * side) / 2
  const half = Math.ceil(FIELDS / 2)
  for (let field = 0; field < FIELDS * half; field += 1) {
    if ((pattern & (1 << field)) === 0) continue
    const [column, row] = [field % half, Math.floor(field / half)]
    for (const x of [column, FIELDS - 1 - column]) {
      canvas.fillSquare(margin + x * side, margin + row * side, side)
    }
  }
}
