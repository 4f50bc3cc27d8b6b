const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const GENERATION_LIMIT = 2 ** 31

export const isJsonObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Lower case only (RFC 9562, section 4), so that each session has one spelling. */
export const isSessionId = (value: unknown): value is string =>
  typeof value === 'string' && value.length === 36 && UUID.test(value)

export const isUserId = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) > 0

export const isGeneration = (value: unknown): value is number =>
  Number.isInteger(value) && Number(value) >= 0 && Number(value) < GENERATION_LIMIT

export const isStringArray = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((item) => typeof item === 'string')

/**
 * Counts the members of the outermost object of a valid JSON text, repeated names included. `JSON.parse` keeps the last of
 * a repeated name, while another parser may keep the first.
 */
export function countMembers(json: string): number {
  let [members, depth, inString] = [0, 0, false]
  for (let at = 0; at < json.length; at += 1) {
    const code = json.charCodeAt(at)
    if (inString) {
      if (code === BACKSLASH) at += 1
      else if (code === QUOTE) inString = false
    } else if (code === QUOTE) inString = true
    else if (code === COLON && depth === 1) members += 1
    else if (code === OPEN_OBJECT || code === OPEN_ARRAY) depth += 1
    else if (code === CLOSE_OBJECT || code === CLOSE_ARRAY) depth -= 1
  }
  return members
}

const [QUOTE, BACKSLASH, COLON] = [0x22, 0x5c, 0x3a]
const [OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY] = [0x7b, 0x7d, 0x5b, 0x5d]
