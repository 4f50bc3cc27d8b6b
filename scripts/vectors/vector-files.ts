import { deliveryVectors } from './delivery-vectors.ts'
import { httpVectors } from './http-vectors.ts'
import { keySetVectors } from './key-set-vectors.ts'
import { tokenVectors } from './token-vectors.ts'
import { transcriptVectors } from './transcript-vectors.ts'

/** Name and text of every file. The same at each run. */
export const vectorFiles = (): Map<string, string> =>
  new Map(
    Object.entries({
      'tokens.json': tokenVectors(),
      'delivery-tokens.json': deliveryVectors(),
      'transcripts.json': transcriptVectors(),
      'http.json': httpVectors(),
      'key-sets.json': keySetVectors(),
    }).map(([name, vectors]) => [name, `${layOut(vectors)}\n`]),
  )

const WIDTH = 110

/** JSON with short values on one line, and a step of a transcript too: easy to read, and to compare. */
function layOut(value: unknown, indent = ''): string {
  const line = JSON.stringify(value)
  if (typeof value !== 'object' || value === null) return line
  if (line.length <= WIDTH || isStep(value)) return line
  const inner = `${indent}  `
  const items = Array.isArray(value)
    ? value.map((item) => layOut(item, inner))
    : Object.entries(value)
        .filter(([, item]) => item !== undefined)
        .map(([name, item]) => `${JSON.stringify(name)}: ${layOut(item, inner)}`)
  const [open, close] = Array.isArray(value) ? '[]' : '{}'
  return `${open}\n${items.map((item) => inner + item).join(',\n')}\n${indent}${close}`
}

const isStep = (value: object): boolean => Object.hasOwn(value, 'at')
