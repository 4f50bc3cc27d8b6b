import type { DictionaryMatch, MatchExtended, ZxcvbnFactory, ZxcvbnResult } from '@zxcvbn-ts/core'
import type { NewPassword } from '../../domain/password.ts'
import { BreachedPasswords } from './breached-passwords.ts'
import { isUsualShape } from './usual-shapes.ts'

/** The limit that the authors of zxcvbn call safe. A password that takes more guesses is never refused. */
const fewestGuesses = 1e8

/**
 * The longest part of a password that zxcvbn checks in one piece. Its time grows faster than the length. With more
 * characters, or more than ten readings of l33t, a hostile password would block the event loop.
 */
const windowUnits = 32
const l33tReadings = 10

/** Shorter parts of names and addresses occur in too many good passwords by chance. */
const shortestListedWord = 4

/** The name of this product, which no dictionary has. A brand may hide it, but not from attackers. */
const productWords = ['chatauth', 'authchat']

/** Why a password is refused. Plain, so that it can be sent to another thread. */
export interface Objection {
  readonly code: 'too_common' | 'personal'
  readonly message: string
}

/** The names that passwords are often made from. */
export interface Names {
  /** The user's names and addresses. */
  readonly personal: readonly string[]
  /** The names of the service: its brand and its host. */
  readonly service: readonly string[]
}

/**
 * Refuses the passwords that attackers try first. These are breached passwords, those made from the names of the service,
 * and common ideas that zxcvbn recognises: English words and names, runs, repeats, dates. A low number of guesses alone
 * is not a reason to refuse. zxcvbn gives one to every thirtieth password of eight random characters, and no list has those.
 */
export class ZxcvbnScoring {
  readonly #zxcvbn: ZxcvbnFactory
  readonly #breached: BreachedPasswords
  /** Passwords of any length, which are used as the word in longer ones. */
  readonly #common: ReadonlySet<string>

  private constructor(
    zxcvbn: ZxcvbnFactory,
    lists: { breached: BreachedPasswords; common: readonly string[] },
  ) {
    this.#zxcvbn = zxcvbn
    this.#breached = lists.breached
    this.#common = new Set(lists.common)
  }

  /** Reads the dictionaries, which takes about 0.3 s and 80 MB. */
  static async load(): Promise<ZxcvbnScoring> {
    const [{ ZxcvbnFactory }, common, english, breached] = await Promise.all([
      import('@zxcvbn-ts/core'),
      import('@zxcvbn-ts/language-common'),
      import('@zxcvbn-ts/language-en'),
      BreachedPasswords.load(),
    ])
    const strength = new ZxcvbnFactory({
      dictionary: asFewDictionaries({ ...common.dictionary, ...english.dictionary }),
      graphs: common.adjacencyGraphs,
      l33tMaxSubstitutions: l33tReadings,
    })
    return new ZxcvbnScoring(strength, { breached, common: common.dictionary['passwords-common'] })
  }

  /** About 10 ms for the worst 128 characters a search found, 25 ms for the first call. */
  objection(password: NewPassword, names: Names): Objection | undefined {
    const isListed = this.#breached.has(password) || isUsualShape(password, (word) => this.#common.has(word))
    const ownWords = wordsOf(names.service)
    const words = longestFirst([...ownWords, ...wordsOf(names.personal)])
    const { rest, removed } = without(words, password)
    const used = new Set(removed)
    for (const window of windowsOf(withoutSeparators(rest))) {
      const result = this.#zxcvbn.check(window, words)
      for (const word of listedWordsIn(result)) used.add(word)
      const isGuessed = result.guesses < fewestGuesses && (used.size > 0 || isHabit(result))
      if (!isGuessed && !isListed) return undefined
    }
    return refusal(used, ownWords)
  }
}

function refusal(used: ReadonlySet<string>, ownWords: readonly string[]): Objection {
  if (used.size === 0) return { code: 'too_common', message: commonMessage }
  const isOwn = [...used].every((word) => ownWords.includes(word))
  return isOwn ? { code: 'too_common', message: ownMessage } : { code: 'personal', message: personalMessage }
}

const commonMessage =
  'This password is one of the first that attackers try. Choose a longer one, such as four random words, or use a ' +
  'password manager.'

const ownMessage =
  'This password is made from the name or address of this service, which attackers try first. Choose an unrelated ' +
  'one, such as four random words.'

const personalMessage =
  'This password is made from your name or address, which others know. Choose an unrelated one, such as four ' +
  'random words.'

/** Rows and columns of keyboards, in the order they are typed. zxcvbn counts each further one as a new idea. */
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
 * zxcvbn looks up every part of a password in every dictionary, so fewer dictionaries take less time. The lists of
 * numbers, days, months and the like become one dictionary of their runs ("mondaytuesday"). The matcher of zxcvbn for
 * such lists is not used. It counts any two of their words as a run, even backwards or l33t, and refuses random passwords.
 */
function asFewDictionaries(dictionaries: Record<string, string[]>): Record<string, string[]> {
  const entries = Object.entries(dictionaries)
  const ordered = entries.filter(([, words]) => words.length < 100).map(([, words]) => words)
  const large = entries.filter(([, words]) => words.length >= 100)
  return {
    ...Object.fromEntries(large.map(([name, words]) => [name, words.map(withoutSeparators)])),
    runs: [...[...ordered, ...keyboardWalks].flatMap(runsOf), ...productWords],
  }
}

function runsOf(words: readonly string[]): string[] {
  const runs = words.flatMap((_, start) =>
    words.slice(start + 1).map((_, more) => words.slice(start, start + more + 2)),
  )
  return runs.map((run) => run.join('')).filter(({ length }) => length <= 28)
}

/**
 * The start and the end of a long password. One strong part is enough, so a weak start with a strong end is accepted.
 * Repeats are removed first. Otherwise the end of sixteen times "p@ssw0rd" would be "w0rdp@ss" again and again, and no
 * dictionary has that word.
 */
function windowsOf(text: string): string[] {
  if (text.length <= windowUnits) return [text]
  const distinct = text.replace(/(.{3,}?)\1+/gs, '$1')
  if (distinct.length <= windowUnits) return [distinct]
  return [distinct.slice(0, windowUnits), distinct.slice(-windowUnits)]
}

/** A separator between two words does not make them harder to guess. */
const withoutSeparators = (text: string): string => text.replace(/(?<=\p{L}{2})[ _.-](?=\p{L}{2})/gu, '')

/** Each name and address as a whole, the part of an address before the `@`, and the words in them. */
function wordsOf(names: readonly string[]): string[] {
  const words = names.flatMap((text) => {
    const whole = text.toLowerCase()
    const local = whole.split('@', 1)[0] ?? whole
    const pieces = whole.split(/[^\p{L}\p{N}]+/u)
    return [whole, local, local.replace(/[^\p{L}\p{N}]/gu, ''), ...pieces]
  })
  return [...new Set(words)].filter(({ length }) => length >= shortestListedWord)
}

const longestFirst = (words: readonly string[]): string[] => words.toSorted((a, b) => b.length - a.length)

/** The password without these words, and those it has. */
function without(words: readonly string[], password: string): { rest: string; removed: string[] } {
  let rest = password.toLowerCase()
  const removed = words.filter((word) => {
    const before = rest
    rest = rest.replaceAll(word, '')
    return rest !== before
  })
  return { rest: removed.length > 0 ? rest : password, removed }
}

/** The words of names and addresses that zxcvbn found, backwards or l33t too. */
const listedWordsIn = ({ sequence }: ZxcvbnResult): string[] =>
  sequence
    .filter((match) => 'dictionaryName' in match && match.dictionaryName === 'userInputs')
    .map((match) => (match as DictionaryMatch).matchedWord)

/**
 * Whether a password is only common ideas and the usual additions: `!`, `2024!`, a letter or two. This is true of about
 * one in a thousand random passwords of eight letters and digits.
 */
function isHabit({ password, sequence }: ZxcvbnResult): boolean {
  const added = sequence.filter((match) => !isIdea(match)).reduce((text, { token }) => text + token, '')
  if (added === password) return false
  const isWithoutLetters = !/\p{L}/u.test(added)
  return added.length <= (isWithoutLetters ? 5 : Math.min(3, password.length / 4))
}

/** Whether a match is too long to be chance. Random characters often have `the`, `d2d2` or a backward word in them. */
function isIdea(match: MatchExtended): boolean {
  if (match.pattern === 'bruteforce') return false
  if (match.pattern === 'regex') return match.token.length >= 4
  const isPlainWord = match.pattern === 'dictionary' && !match.l33t && !match.reversed
  return match.token.length >= (isPlainWord ? 3 : 5)
}
