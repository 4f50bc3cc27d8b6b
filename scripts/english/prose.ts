import ts from 'typescript'

/** Text that somebody reads, and the line it begins on. */
export interface Prose {
  readonly line: number
  readonly text: string
}

/** Comments, and strings of more than one word. Interpolated values are left out. */
export function proseOfCode(source: string): Prose[] {
  const file = ts.createSourceFile('source.ts', source, ts.ScriptTarget.Latest, true)
  const found: Prose[] = []
  const seen = new Set<number>()
  const add = (position: number, text: string) => {
    if (seen.has(position) || !/\S\s+\S/.test(text)) return
    seen.add(position)
    found.push({ line: file.getLineAndCharacterOfPosition(position).line + 1, text })
  }
  const visit = (node: ts.Node): void => {
    const comments = [
      ...(ts.getLeadingCommentRanges(source, node.getFullStart()) ?? []),
      ...(ts.getTrailingCommentRanges(source, node.getEnd()) ?? []),
    ]
    for (const { pos, end } of comments) add(pos, plainComment(source.slice(pos, end)))
    if (ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node)) {
      add(node.getStart(), node.text)
    }
    ts.forEachChild(node, visit)
    if (node.kind === ts.SyntaxKind.SourceFile) for (const token of tokensOf(file)) visitComments(token)
  }
  const visitComments = (token: ts.Node): void => {
    for (const { pos, end } of ts.getLeadingCommentRanges(source, token.getFullStart()) ?? []) {
      add(pos, plainComment(source.slice(pos, end)))
    }
  }
  visit(file)
  return found
}

function tokensOf(node: ts.Node): ts.Node[] {
  const children = node.getChildren()
  return children.length === 0 ? [node] : children.flatMap(tokensOf)
}

const plainComment = (comment: string): string =>
  comment
    .replace(/^\/\*+|\*+\/$/gu, '')
    .replace(/^\s*(?:\/\/|\*)/gmu, '')
    .replace(/`[^`\n]*`/gu, '`code`')
    .trim()

/** Paragraphs, without headings, code and link targets. Fenced code counts with its comments alone. */
export function proseOfMarkdown(source: string): Prose[] {
  const found: Prose[] = []
  let paragraph: { line: number; lines: string[] } | undefined
  let isFenced = false
  const end = () => {
    if (paragraph) found.push({ line: paragraph.line, text: plainMarkdown(paragraph.lines.join('\n')) })
    paragraph = undefined
  }
  source.split('\n').forEach((line, index) => {
    if (/^\s*(?:```|~~~)/u.test(line)) {
      isFenced = !isFenced
      end()
      return
    }
    if (isFenced) {
      const comment = /(?:^|\s)(?:#|\/\/)\s(.+)$/u.exec(line)?.[1]
      if (comment !== undefined) found.push({ line: index + 1, text: comment })
      return
    }
    if (line.trim() === '' || line.startsWith('#')) {
      end()
      return
    }
    if (/^\s*(?:[-*|]|\d+\.)\s?/u.test(line)) end()
    paragraph ??= { line: index + 1, lines: [] }
    paragraph.lines.push(line.replace(/^\s*(?:[-*>]|\d+\.)\s+/u, ''))
  })
  end()
  return found
}

const plainMarkdown = (text: string): string =>
  text
    .replace(/`[^`]*`/gu, '`code`')
    .replace(/\]\([^)]*\)/gu, ']')
    .replace(/[*_[\]]/gu, '')

/** Comments of shell scripts, YAML, settings and SQL; successive lines are one text. */
export function proseOfComments(source: string): Prose[] {
  const found: { line: number; text: string }[] = []
  let previous = -1
  source.split('\n').forEach((line, index) => {
    const comment = /^\s*(?:#|--)\s?(.*)$/u.exec(line)?.[1] ?? /\s#\s(.*)$/u.exec(line)?.[1]
    if (comment === undefined) return
    const last = found.at(-1)
    if (last && previous === index - 1) last.text += `\n${comment}`
    else found.push({ line: index + 1, text: comment })
    previous = index
  })
  return found
}

const GO_TEXT = /`[^`]*`|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])+'|\/\/.*(?:\n\s*\/\/.*)*|\/\*[^]*?\*\//gu
const PYTHON_TEXT = /"""[^]*?"""|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|#.*(?:\n\s*#.*)*/gu

/** Comments and strings of several words; successive lines of comments are one text. */
function proseOfTokens(source: string, token: RegExp): Prose[] {
  return [...source.matchAll(token)].flatMap(({ 0: text, index }) => {
    const plain = text
      .replace(/^["'`]+|["'`]+$|^\/\*|\*\/$/gu, '')
      .replace(/^\s*(?:\/\/|#)/gmu, '')
      .replace(/`[^`\n]*`/gu, '`code`')
    if (!/\S\s+\S/u.test(plain)) return []
    return { line: source.slice(0, index).split('\n').length, text: plain }
  })
}

export const proseOfGo = (source: string): Prose[] => proseOfTokens(source, GO_TEXT)
export const proseOfPython = (source: string): Prose[] => proseOfTokens(source, PYTHON_TEXT)

/** Text between tags. */
export function proseOfHtml(source: string): Prose[] {
  return source
    .split('\n')
    .map((line, index) => ({ line: index + 1, text: line.replace(/<[^>]*>/gu, ' ').trim() }))
    .filter(({ text }) => text !== '')
}
