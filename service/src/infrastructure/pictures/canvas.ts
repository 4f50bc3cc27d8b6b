import { crc32, deflateSync } from 'node:zlib'

/** From the background (0) to what is drawn on it. */
const SHADES = 16
const FULL = SHADES - 1

type Colour = readonly [red: number, green: number, blue: number]

interface Point {
  readonly x: number
  readonly y: number
}

/** A square to draw on in one colour. */
export class Canvas {
  readonly #size: number
  readonly #shades: Uint8Array

  constructor(size: number) {
    this.#size = size
    this.#shades = new Uint8Array(size * size)
  }

  fillSquare(left: number, top: number, side: number): void {
    this.#shadeWithin({ left, top, right: left + side, bottom: top + side }, () => FULL)
  }

  /** A line with round ends. Its edges are smooth: a pixel that it covers by half is half as light. */
  drawLine(from: Point, to: Point, radius: number): void {
    const [left, right] = [Math.min(from.x, to.x), Math.max(from.x, to.x)]
    const [top, bottom] = [Math.min(from.y, to.y), Math.max(from.y, to.y)]
    const reach = radius + 1
    const near = { left: left - reach, top: top - reach, right: right + reach, bottom: bottom + reach }
    this.#shadeWithin(near, (x, y) => {
      const covered = radius - distance({ x: x + 0.5, y: y + 0.5 }, from, to) + 0.5
      return Math.round(Math.min(Math.max(covered, 0), 1) * FULL)
    })
  }

  #shadeWithin(
    { left, top, right, bottom }: Record<'left' | 'top' | 'right' | 'bottom', number>,
    shade: (x: number, y: number) => number,
  ): void {
    const edge = (at: number): number => Math.min(Math.max(Math.round(at), 0), this.#size)
    for (let y = edge(top); y < edge(bottom); y += 1) {
      for (let x = edge(left); x < edge(right); x += 1) {
        const at = y * this.#size + x
        this.#shades[at] = Math.max(this.#shades[at] ?? 0, shade(x, y))
      }
    }
  }

  /** A PNG of 16 colours (ISO/IEC 15948). */
  toPng(background: Colour, drawn: Colour): Buffer {
    const size = this.#size
    const header = Buffer.alloc(13)
    header.writeUInt32BE(size, 0)
    header.writeUInt32BE(size, 4)
    // Four bits for a pixel, which is a place in the palette.
    header.set([4, 3, 0, 0, 0], 8)
    const palette = Array.from({ length: SHADES }, (_, shade) =>
      background.map((from, at) => Math.round(from + (((drawn[at] ?? 0) - from) * shade) / FULL)),
    )
    return Buffer.concat([
      Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
      chunk('IHDR', header),
      chunk('PLTE', Buffer.from(palette.flat())),
      chunk('IDAT', deflateSync(this.#rows())),
      chunk('IEND', Buffer.alloc(0)),
    ])
  }

  /** Each begins with the kind of its filter: none. */
  #rows(): Buffer {
    const width = this.#size / 2 + 1
    const rows = Buffer.alloc(width * this.#size)
    for (let at = 0; at < this.#shades.length; at += 2) {
      const [row, x] = [Math.floor(at / this.#size), at % this.#size]
      rows[row * width + 1 + x / 2] = ((this.#shades[at] ?? 0) << 4) | (this.#shades[at + 1] ?? 0)
    }
    return rows
  }
}

function distance(point: Point, from: Point, to: Point): number {
  const [alongX, alongY] = [to.x - from.x, to.y - from.y]
  const length = alongX ** 2 + alongY ** 2
  const reached = length === 0 ? 0 : ((point.x - from.x) * alongX + (point.y - from.y) * alongY) / length
  const nearest = Math.min(Math.max(reached, 0), 1)
  return Math.hypot(point.x - from.x - nearest * alongX, point.y - from.y - nearest * alongY)
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const ends = Buffer.alloc(8)
  ends.writeUInt32BE(data.length, 0)
  ends.writeUInt32BE(crc32(body), 4)
  return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)])
}
