import type { MatchExtended, ZxcvbnFactory, ZxcvbnResult } from '@zxcvbn-ts/core'
import type { PasswordStrength } from '../../application/ports/password-strength.ts'
import { InvalidValue } from '../../domain/invalid-value.ts'
import type { NewPassword } from '../../domain/password.ts'

/** The boundary that zxcvbn's authors call safe: a password past it is never refused, whatever it is made of. */
const fewestGuesses = 1e8

/**
 * The part of a password that is looked at in one piece. zxcvbn takes longer than in proportion: with more
 * characters, and more than ten readings of l33t, a hostile password would hold up the event loop.
 */
const windowUnits = 32
const l33tReadings = 10

/** Shorter pieces of names and addresses are in too many innocent passwords. */
const shortestPersonalWord = 4

/** What comes to mind at a form of this service, where no dictionary has it. */
const ownWords = ['chatauth', 'authchat']

/**
 * Refuses what guessers try first: 49,000 breached passwords, and what zxcvbn reads as one idea that everybody has (English
 * words and names, runs, repeats, dates). A low number of guesses alone is no reason: zxcvbn gives one to every thirtieth
 * password of eight random characters, which no list holds.
 */
export class ZxcvbnPasswordStrength implements PasswordStrength {
  readonly #zxcvbn: ZxcvbnFactory
  readonly #breached: ReadonlySet<string>

  private constructor(zxcvbn: ZxcvbnFactory, breached: readonly string[]) {
    this.#zxcvbn = zxcvbn
    this.#breached = new Set(breached)
  }

  /** Reads the dictionaries: about 0.3 s and 80 MB, once, which only a process that judges passwords should pay. */
  static async load(): Promise<ZxcvbnPasswordStrength> {
    const [{ ZxcvbnFactory }, common, english] = await Promise.all([
      import('@zxcvbn-ts/core'),
      import('@zxcvbn-ts/language-common'),
      import('@zxcvbn-ts/language-en'),
    ])
    const strength = new ZxcvbnFactory({
      dictionary: asFewDictionaries({ ...common.dictionary, ...english.dictionary }),
      graphs: common.adjacencyGraphs,
      l33tMaxSubstitutions: l33tReadings,
    })
    return new ZxcvbnPasswordStrength(strength, common.dictionary['passwords-common'])
  }

  objection(password: NewPassword, personal: readonly string[]): InvalidValue | undefined {
    const isBreached = this.#breached.has(password.toLowerCase())
    const words = personalWords(personal)
    const rest = without(words, password)
    let isPersonal = rest !== password
    for (const window of windowsOf(withoutSeparators(rest))) {
      const result = this.#zxcvbn.check(window, words)
      isPersonal ||= usesPersonalWord(result)
      const isGuessed = result.guesses < fewestGuesses && (isPersonal || isHabit(result))
      if (!isGuessed && !isBreached) return undefined
    }
    return isPersonal
      ? new InvalidValue('personal', personalMessage)
      : new InvalidValue('too_common', commonMessage)
  }
}

const commonMessage =
  'This password is among the first that are guessed. Use a longer one, such as four random words, or let a ' +
  'password manager make one.'

const personalMessage =
  'This password is built from your name or address, which others know. Use one that has nothing to do with you, ' +
  'such as four random words.'

/** Rows and columns in the order hands walk over them; zxcvbn takes each further one for a new idea. */
const keyboardWalks = [
  ['qwertyuiop', 'asdfghjkl', 'zxcvbnm'],
  ['qwertzuiop', 'asdfghjkl', 'yxcvbnm'],
  ['azertyuiop', 'qsdfghjklm', 'wxcvbn'],
  ['1qaz', '2wsx', '3edc', '4rfv', '5tgb', '6yhn', '7ujm'],
  ['!qaz', '@wsx', '#edc', '$rfv', '%tgb', '^yhn', '&ujm'],
  ['!qaz', '2wsx', '#edc', '4rfv', '%tgb', '6yhn'],
  ['1qaz', '@wsx', '3edc', '$rfv', '5tgb', '^yhn'],
]

/**
 * zxcvbn looks every piece of a password up in every dictionary. The lists of numbers, days, months and the like
 * become one, of their runs ("mondaytuesday"): its own matcher for those takes any two of their words, written
 * backwards or l33t too, for a run, and refuses random passwords.
 */
function asFewDictionaries(dictionaries: Record<string, string[]>): Record<string, string[]> {
  const entries = Object.entries(dictionaries)
  const ordered = entries.filter(([, words]) => words.length < 100).map(([, words]) => words)
  const large = entries.filter(([, words]) => words.length >= 100)
  return {
    ...Object.fromEntries(large.map(([name, words]) => [name, words.map(withoutSeparators)])),
    runs: [...[...ordered, ...keyboardWalks].flatMap(runsOf), ...ownWords],
  }
}

function runsOf(words: readonly string[]): string[] {
  const runs = words.flatMap((_, start) =>
    words.slice(start + 1).map((_, more) => words.slice(start, start + more + 2)),
  )
  return runs.map((run) => run.join('')).filter(({ length }) => length <= 28)
}

/**
 * The beginning, and the end of a long password: a weak beginning is made good by an end that is strong by itself.
 * Repeats go first, or the end of "p@ssw0rd" sixteen times would be "w0rdp@ss" over and over, a word in no dictionary.
 */
function windowsOf(text: string): string[] {
  if (text.length <= windowUnits) return [text]
  const distinct = text.replace(/(.{3,}?)\1+/gs, '$1')
  if (distinct.length <= windowUnits) return [distinct]
  return [distinct.slice(0, windowUnits), distinct.slice(-windowUnits)]
}

/** Two words with a space between them are as soon guessed as without. */
const withoutSeparators = (text: string): string => text.replace(/(?<=\p{L}{2})[ _.-](?=\p{L}{2})/gu, '')

/** Each name and address as a whole, an address's part before the `@`, and the words of both, longest first. */
function personalWords(personal: readonly string[]): string[] {
  const words = personal.flatMap((text) => {
    const whole = text.toLowerCase()
    const local = whole.split('@', 1)[0] ?? whole
    const pieces = whole.split(/[^\p{L}\p{N}]+/u)
    return [whole, local, local.replace(/[^\p{L}\p{N}]/gu, ''), ...pieces]
  })
  return [...new Set(words)]
    .filter(({ length }) => length >= shortestPersonalWord)
    .sort((a, b) => b.length - a.length)
}

/** What is left of the password without those words, or the password as it is when it has none. */
function without(words: readonly string[], password: string): string {
  const lowerCase = password.toLowerCase()
  const rest = words.reduce((text, word) => text.replaceAll(word, ''), lowerCase)
  return rest === lowerCase ? password : rest
}

const usesPersonalWord = ({ sequence }: ZxcvbnResult): boolean =>
  sequence.some((match) => 'dictionaryName' in match && match.dictionaryName === 'userInputs')

/**
 * Whether a password is ideas and no more than people add to one: `!`, `2024!`, a letter or two. Of random passwords of
 * eight letters and digits about one in a thousand passes for one.
 */
function isHabit({ password, sequence }: ZxcvbnResult): boolean {
  const added = sequence.filter((match) => !isIdea(match)).reduce((text, { token }) => text + token, '')
  if (added === password) return false
  const isWithoutLetters = !/\p{L}/u.test(added)
  return added.length <= (isWithoutLetters ? 5 : Math.min(3, password.length / 4))
}

/** Whether a match is long enough to be meant: random characters hold `the`, `d2d2` and backward words all the time. */
function isIdea(match: MatchExtended): boolean {
  if (match.pattern === 'bruteforce') return false
  if (match.pattern === 'regex') return match.token.length >= 4
  const isPlainWord = match.pattern === 'dictionary' && !match.l33t && !match.reversed
  return match.token.length >= (isPlainWord ? 3 : 5)
}
