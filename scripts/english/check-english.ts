// Fails where prose breaks a mechanical rule of plain English. Give paths to check a part: node scripts/english/check-english.ts docs
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { englishRules } from './rules.ts'
import {
  proseOfCode,
  proseOfComments,
  proseOfGo,
  proseOfHtml,
  proseOfMarkdown,
  proseOfPython,
  type Prose,
} from './prose.ts'

/** Texts of others, generated files, and the rules with their own examples. */
const LEFT_OUT =
  /^(?:docs\/licences\/|LICENSE|bench\/results\/|scripts\/english\/|service\/test\/plain-english\.test\.ts$|.*package-lock\.json$|service\/src\/domain\/confusables\.ts$)/u

const READERS: readonly (readonly [RegExp, (source: string) => Prose[]])[] = [
  [/\.(?:ts|js|cjs|mjs)$/u, proseOfCode],
  [/\.go$/u, proseOfGo],
  [/\.py$/u, proseOfPython],
  [/\.md$/u, proseOfMarkdown],
  [/\.(?:ya?ml|toml|sh|sql|conf)$|(?:^|\/)(?:Dockerfile|\.env\.example|run)$/u, proseOfComments],
  [/\.html$/u, proseOfHtml],
]

/** Prose is wrapped, so each space of a pattern matches a line break too. */
const rules = englishRules.map(({ pattern, advice }) => ({
  pattern: new RegExp(pattern.source.replaceAll(' ', '\\s+'), pattern.flags),
  advice,
}))

/** `path:line: "words": advice`, for every breach in the file. */
export function breaches(path: string, source: string): string[] {
  const read = READERS.find(([pattern]) => pattern.test(path))?.[1]
  if (read === undefined) return []
  return read(source).flatMap(({ line, text }) =>
    rules.flatMap(({ pattern, advice }) =>
      [...text.matchAll(pattern)].map((match) => {
        const at = line + (text.slice(0, match.index).match(/\n/gu)?.length ?? 0)
        return `${path}:${at}: "${match[0].trim().replace(/\s+/gu, ' ')}": ${advice}`
      }),
    ),
  )
}

if (import.meta.main) {
  const paths = execFileSync('git', ['ls-files', '--', ...process.argv.slice(2)], { encoding: 'utf8' })
    .split('\n')
    .filter((path) => path !== '' && !LEFT_OUT.test(path) && existsSync(path))
  const found = paths.flatMap((path) => breaches(path, readFileSync(path, 'utf8')))
  for (const line of found) console.error(line)
  if (found.length > 0) console.error(`${found.length} places to write again`)
  process.exitCode = found.length > 0 ? 1 : 0
}
