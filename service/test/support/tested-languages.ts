// Tests of other languages record here that they ran, or that the language is missing; the closing lines print it.
const MISSING = 'missing '

export const missingLanguage = (language: string, reason: string): string =>
  `${MISSING}${language}: ${reason.replaceAll(/\s+/gu, ' ')}`

/** Sorts the recorded lines into those of languages that were tested and of those that are missing. */
export const languagesIn = (lines: readonly string[]): { tested: string[]; missing: string[] } => ({
  tested: lines.filter((line) => !line.startsWith(MISSING)),
  missing: lines.filter((line) => line.startsWith(MISSING)).map((line) => line.slice(MISSING.length)),
})
