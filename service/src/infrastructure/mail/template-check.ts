import Mustache from 'mustache'

/** The kind of a tag, its name or text, its place, and the tags inside a section. */
type Token = readonly [kind: string, value: string, start: number, end: number, inside?: readonly Token[]]

export interface TemplateRules {
  readonly text: string
  readonly allowed: readonly string[]
  readonly needed: readonly string[]
  /** Only layouts have `{{> content}}`, and need it. */
  readonly isLayout: boolean
}

/** The first problem of a template, for the operator who wrote it. */
export function templateProblem({ text, allowed, needed, isLayout }: TemplateRules): string | undefined {
  const tokens = parsed(text)
  if (tokens instanceof Error) return `does not parse: ${tokens.message}`
  const all = flattened(tokens)
  const raw = all.find(([kind]) => kind === '&')
  if (raw !== undefined) return `inserts ${raw[1]} without escaping; write {{${raw[1]}}}`
  const odd = all.find(
    ([kind, value]) => kind === '=' || (kind === '>' && !(isLayout && value === 'content')),
  )
  if (odd !== undefined) return `has a tag that is not available: {{${odd[0]} ${odd[1]}}}`
  const names = all.filter(([kind]) => NAMING.includes(kind)).map(([, value]) => value)
  const unknown = names.find((name) => !allowed.includes(name))
  if (unknown !== undefined) return `names {{${unknown}}}, which is not a value of this mail`
  const shown = all.filter(([kind]) => kind === 'name').map(([, value]) => value)
  const missing = needed.find((name) => !shown.includes(name))
  if (missing !== undefined) return `needs {{${missing}}}`
  if (isLayout && !all.some(([kind]) => kind === '>')) return 'needs {{> content}}'
  return undefined
}

const NAMING = ['name', '#', '^']

function parsed(text: string): readonly Token[] | Error {
  try {
    return Mustache.parse(text) as readonly Token[]
  } catch (error) {
    return error as Error
  }
}

const flattened = (tokens: readonly Token[]): readonly Token[] =>
  tokens.flatMap((token) => [token, ...(Array.isArray(token[4]) ? flattened(token[4]) : [])])
