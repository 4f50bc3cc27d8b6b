import { lstatSync, readFileSync, statSync } from 'node:fs'
import { parseEnv } from 'node:util'

/** A file of settings, and what its reader noticed in it. No message shows a value: it may be a secret. */
export interface EnvFile {
  readonly values: Readonly<Record<string, string>>
  /** Each stops the start: the file may mean other settings than those that were understood. */
  readonly problems: readonly string[]
  readonly warnings: readonly string[]
}

/**
 * Reads a file such as `.env`. A missing file has no settings. A file that exists and cannot be read or understood never
 * counts as missing: the service would run with defaults, on an empty embedded database.
 */
export function readEnvFile(path: string): EnvFile {
  const text = textOf(path)
  if (text instanceof Problem) return { values: {}, problems: [`${path} ${text.message}`], warnings: [] }
  return parse(path, text)
}

class Problem {
  readonly message: string

  constructor(message: string) {
    this.message = message
  }
}

function textOf(path: string): string | Problem {
  try {
    const found = statSync(path, { throwIfNoEntry: false })
    if (found === undefined) return missing(path)
    // Nor a pipe or a device, from which reading may never end.
    if (!found.isFile())
      return new Problem('is not a file, as a folder is; replace it by a file, or remove it')
    return decode(readFileSync(path))
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    return new Problem(`exists but cannot be read (${code}); allow the user of the service to read it`)
  }
}

/** A link that leads nowhere is not a missing file: somebody wanted settings here. */
function missing(path: string): string | Problem {
  const isLink = lstatSync(path, { throwIfNoEntry: false }) !== undefined
  return isLink
    ? new Problem('is a link to a file that does not exist; restore that file, or remove the link')
    : ''
}

const decode = (bytes: Buffer): string | Problem => {
  if (bytes.includes(0)) return new Problem('has zero bytes, as in UTF-16; save it as UTF-8')
  try {
    // Skips a byte order mark.
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    const isOneLine = /\r(?!\n)/.test(text)
    return isOneLine ? new Problem('ends lines with a carriage return alone; save it with line feeds') : text
  } catch {
    return new Problem('is not UTF-8 text; save it as UTF-8')
  }
}

/** A comment, or NAME=value with an optional `export`. */
const COMMENT = /^#|^$/
const ASSIGNMENT = /^(?:export\s+)?([^\s=#'"`]+)\s*=\s*(.*)$/
/** A quoted value ends in its own line: otherwise a forgotten quote would swallow the settings after it. */
const QUOTED = /^(["'`])(?:(?!\1).)*\1\s*(?:#.*)?$/

function parse(path: string, text: string): EnvFile {
  const values: Record<string, string> = {}
  const problems: string[] = []
  const warnings: string[] = []
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim()
    if (COMMENT.test(line)) continue
    const at = `${path}, line ${index + 1}:`
    const [, name, value = ''] = ASSIGNMENT.exec(line) ?? []
    const problem = name === undefined ? 'must be NAME=value, or begin with #' : problemOf(name, value)
    if (name === undefined || problem !== undefined) {
      problems.push(`${at} ${problem ?? ''}`)
      continue
    }
    if (Object.hasOwn(values, name)) warnings.push(`${at} ${name} is set again; only this line counts`)
    // Line by line: the parser takes the line after a blank value for that value.
    values[name] = parseEnv(line)[name] ?? ''
  }
  return { values, problems, warnings }
}

function problemOf(name: string, value: string): string | undefined {
  if (/^["'`]/.test(value))
    return QUOTED.test(value) ? undefined : `${name} has a quote that does not end, or text behind its value`
  // Half of all parsers would end the value here, and the others would not.
  if (/[^\s]#/.test(value.replace(/\s#.*$/, ''))) return `${name} has # in its value; write it in quotes`
  return undefined
}
