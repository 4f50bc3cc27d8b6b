// Looks for names that fonts draw alike and that two users could both have. Run it after a change of `looksOf`:
// node scripts/names/compare-drawings.ts FOLDER [SCRIPT …]
// The folder holds the Noto fonts, such as /usr/share/fonts/truetype/noto of Debian's package fonts-noto-core.
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Blob, Buffer, Face, Font, shape } from 'harfbuzzjs'
import { looksOf } from '../../service/src/domain/skeleton.ts'
import { parseUsername, type Username } from '../../service/src/domain/username.ts'

const scripts =
  'Arabic Armenian Bengali Devanagari Ethiopic Georgian Gujarati Gurmukhi Hebrew Kannada Khmer Lao Malayalam Myanmar ' +
  'Oriya Sinhala Tamil Telugu Thaana Thai'

/** The viramas and invisible stackers. */
const STACKER = /[\u094D\u09CD\u0A4D\u0ACD\u0B4D\u0BCD\u0C4D\u0CCD\u0D4D\u0DCA\u1039\u17D2]/v
/** Enough letters for every shape that a mark takes; all of them with three marks would take hours. */
const SAMPLE = 6
/** The glyph of characters that a font does not have. */
const NOT_DEFINED = 0

async function compare(script: string, path: string) {
  const bytes = await readFile(path)
  const font = new Font(new Face(new Blob(new Uint8Array(bytes).buffer)))
  const seen = new Map<string, Username>()
  const alike: [string, string][] = []
  let names = 0
  for (const text of namesIn(script)) {
    const name = accepted(text)
    if (name === undefined) continue
    names += 1
    const drawing = draw(font, name.text)
    if (drawing === undefined) continue
    const other = seen.get(drawing) ?? name
    seen.set(drawing, other)
    if (!looksOf(name).some((look) => looksOf(other).includes(look))) alike.push([other.text, name.text])
  }
  return { names, alike }
}

/** Every letter alone, beside each other, and with up to two marks; some with three, or stacked with marks around the stack. */
function* namesIn(script: string): Generator<string> {
  const characters = charactersOf(script)
  const letters = characters.filter((character) => /\p{L}/v.test(character))
  const marks = characters.filter((character) => /\p{M}/v.test(character))
  const stackers = marks.filter((mark) => STACKER.test(mark))
  const [last = ''] = letters
  const some = letters.filter((_, index) => index % Math.ceil(letters.length / SAMPLE) === 0)
  const sequences = [
    [letters],
    [letters, letters],
    [letters, marks],
    [letters, marks, marks],
    [some, marks, marks, marks],
    [some, marks, stackers, letters],
    [some, stackers, letters, marks],
    [some, stackers, letters, marks, marks],
  ]
  for (const sequence of sequences) for (const start of textsOf(sequence)) yield start + last.repeat(3)
}

/** Every text with one character of each list, in the order of the lists. */
function* textsOf([first, ...rest]: readonly (readonly string[])[]): Generator<string> {
  if (first === undefined) yield ''
  else for (const one of first) for (const others of textsOf(rest)) yield one + others
}

/** The characters of the script that names may have. */
function charactersOf(script: string): string[] {
  const isOfScript = new RegExp(`^[\\p{scx=${script}}&&[\\p{L}\\p{M}]]$`, 'v')
  const all = Array.from({ length: 0x10000 }, (_, code) => code).filter(
    (code) => code < 0xd800 || code > 0xdfff,
  )
  const ofScript = all.map((code) => String.fromCodePoint(code)).filter((one) => isOfScript.test(one))
  const letter = ofScript.find((one) => accepted(one.repeat(4)) !== undefined) ?? ''
  return ofScript.filter((one) => accepted(letter + one + letter.repeat(3)) !== undefined)
}

function accepted(text: string): Username | undefined {
  try {
    return parseUsername(text)
  } catch {
    return undefined
  }
}

/**
 * The glyphs of a name and where they stand, in one order: names with the same have the same outlines. Undefined if the font
 * lacks a character.
 */
function draw(font: Font, text: string): string | undefined {
  const buffer = new Buffer()
  buffer.addText(text)
  buffer.guessSegmentProperties()
  shape(font, buffer)
  let x = 0
  let y = 0
  const glyphs = buffer.getGlyphInfosAndPositions()
  if (glyphs.some(({ codepoint }) => codepoint === NOT_DEFINED)) return undefined
  const drawn = glyphs.map((glyph) => {
    const place = `${x + (glyph.xOffset ?? 0)} ${y + (glyph.yOffset ?? 0)} ${outline(font, glyph.codepoint)}`
    x += glyph.xAdvance ?? 0
    y += glyph.yAdvance ?? 0
    return place
  })
  // Outlines are long, and there are hundreds of thousands of names.
  return createHash('sha256')
    .update(`${drawn.sort().join('|')} ${x}`)
    .digest('base64')
}

const outlines = new WeakMap<Font, Map<number, string>>()

function outline(font: Font, glyph: number): string {
  const known = outlines.get(font) ?? new Map<number, string>()
  outlines.set(font, known)
  const path = known.get(glyph) ?? font.glyphToPath(glyph)
  known.set(glyph, path)
  return path
}

const spelt = (text: string): string =>
  `${text} (${Array.from(text, (one) => (one.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')).join(' ')})`

const [folder, ...chosen] = process.argv.slice(2)
if (folder === undefined) throw new Error('Name the folder of the Noto fonts.')

for (const script of chosen.length > 0 ? chosen : scripts.split(' ')) {
  const { names, alike } = await compare(script, join(folder, `NotoSans${script}-Regular.ttf`))
  console.log(`${script}: ${names} names, ${alike.length} pairs drawn alike with different looks`)
  for (const [one, other] of alike.slice(0, 20)) console.log(`  ${spelt(one)} and ${spelt(other)}`)
}
