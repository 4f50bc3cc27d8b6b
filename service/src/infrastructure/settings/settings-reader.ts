import { weaknessOf } from './secret-strength.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** Stops the start. One line per setting says what is wrong and what would be right. */
export class SettingsError extends Error {
  constructor(problems: readonly string[]) {
    super(`The settings need attention:\n${problems.map((problem) => `  ${problem}`).join('\n')}`)
    this.name = 'SettingsError'
  }
}

export const MAKE_A_SECRET = 'make one with: openssl rand -base64 32'

const DURATION = /^(\d{1,9})([smhd])$/
const SECONDS_PER_UNIT = { s: 1, m: 60, h: 3600, d: 86_400 } as const

/** Reads settings by name and collects their problems, so that a start reports all of them together. A blank setting is unset. */
export class SettingsReader {
  readonly #environment: Environment
  /** By the name of the setting. The first problem of a setting is the one that counts. */
  readonly #problems = new Map<string, string>()

  constructor(environment: Environment) {
    this.#environment = environment
  }

  refuse(name: string, problem: string): void {
    if (!this.#problems.has(name)) this.#problems.set(name, `${name} ${problem}`)
  }

  hasRefused(name: string): boolean {
    return this.#problems.has(name)
  }

  /** Throws a SettingsError if there are problems. */
  finish(): void {
    if (this.#problems.size > 0) throw new SettingsError([...this.#problems.values()])
  }

  text(name: string): string | undefined {
    const value = this.#environment[name]?.trim()
    return value === '' ? undefined : value
  }

  /** For the setting whose blank value means "none", while unset means the default. */
  textOrEmpty(name: string, byDefault: string): string | undefined {
    return this.#environment[name] === undefined ? byDefault : this.text(name)
  }

  integer(name: string, byDefault: number, lowest: number, highest: number): number {
    const text = this.text(name)
    if (text === undefined) return byDefault
    const value = /^\d+$/.test(text) ? Number(text) : NaN
    if (value >= lowest && value <= highest) return value
    this.refuse(name, `must be a whole number from ${lowest} to ${highest}, not "${text}"`)
    return byDefault
  }

  port(name: string, byDefault: number): number {
    return this.integer(name, byDefault, 0, 65_535)
  }

  seconds(name: string, byDefault: number, lowest: number, highest: number): number {
    const text = this.text(name)
    if (text === undefined) return byDefault
    const [, count, unit] = DURATION.exec(text === '0' ? '0s' : text) ?? []
    const value =
      count === undefined ? NaN : Number(count) * SECONDS_PER_UNIT[unit as keyof typeof SECONDS_PER_UNIT]
    if (value >= lowest && value <= highest) return value
    const range = `from ${readableDuration(lowest)} to ${readableDuration(highest)}`
    this.refuse(name, `must be a duration such as 30s, 10m, 12h or 30d, ${range}, not "${text}"`)
    return byDefault
  }

  oneOf<const T extends string>(name: string, allowed: readonly T[], byDefault: NoInfer<T>): T {
    const text = this.text(name)
    if (text === undefined) return byDefault
    const value = allowed.find((candidate) => candidate === text)
    if (value === undefined) this.refuse(name, `must be one of ${allowed.join(', ')}, not "${text}"`)
    return value ?? byDefault
  }

  url(name: string, protocols: readonly string[]): string | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const url = URL.parse(text)
    if (url !== null && protocols.includes(url.protocol) && url.hostname !== '') return text
    // The value may hold a password, so it is not shown.
    this.refuse(
      name,
      `must be an address that starts with ${protocols.map((p) => `${p}//`).join(' or ')} and names a host`,
    )
    return undefined
  }

  list(name: string, isValid: (entry: string) => boolean, wanted: string): readonly string[] {
    const entries = this.#entries(name)
    const wrong = entries.filter((entry) => !isValid(entry))
    if (wrong.length > 0) this.refuse(name, `must hold ${wanted}; not valid: ${wrong.join(' ')}`)
    return entries
  }

  /** Secrets separated by commas. No message shows them. */
  secrets(name: string): readonly string[] {
    const entries = this.#entries(name)
    const weakness = entries.map(weaknessOf).find((found) => found !== undefined)
    if (weakness !== undefined) this.refuse(name, `${weakness} each; ${MAKE_A_SECRET}`)
    return entries
  }

  #entries(name: string): readonly string[] {
    const entries = (this.text(name) ?? '').split(',').map((entry) => entry.trim())
    return entries.filter((entry) => entry !== '')
  }
}

function readableDuration(seconds: number): string {
  if (seconds === 0) return '0'
  if (seconds % 86_400 === 0) return `${seconds / 86_400}d`
  return seconds % 60 === 0 ? `${seconds / 60}m` : `${seconds}s`
}
