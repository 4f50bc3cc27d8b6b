import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { problemTypes } from '../../src/interface-adapters/http/problem-types.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '../../src/application/')
const ports = join(root, 'ports/')

/**
 * Reads from the source which error codes each exported function of the application can throw: those it constructs, those
 * of the functions it refers to, and those that the comments of the ports' methods name. It does not look at `catch`.
 */
export function thrownCodes(): ReadonlyMap<string, ReadonlySet<string>> {
  const files = ts.sys.readDirectory(root, ['.ts'])
  const program = ts.createProgram(files, {
    target: ts.ScriptTarget.ES2024,
    lib: ['lib.es2024.d.ts'],
    module: ts.ModuleKind.NodeNext,
    allowImportingTsExtensions: true,
    noEmit: true,
    strict: true,
    types: [],
  })
  const reader = new CodeReader(program.getTypeChecker())
  const sources = files
    .filter((file) => !file.startsWith(ports))
    .map((file) => program.getSourceFile(file))
    .filter((source) => source !== undefined)
  return new Map(sources.flatMap((source) => reader.exportedBy(source)))
}

class CodeReader {
  readonly #checker: ts.TypeChecker
  readonly #known = new Map<ts.Node, Set<string>>()

  constructor(checker: ts.TypeChecker) {
    this.#checker = checker
  }

  exportedBy(source: ts.SourceFile): [string, Set<string>][] {
    const module = this.#checker.getSymbolAtLocation(source)
    const symbols = module === undefined ? [] : this.#checker.getExportsOfModule(module)
    return symbols.map((symbol) => [
      symbol.name,
      new Set((symbol.declarations ?? []).flatMap((each) => [...this.#codesOf(each)])),
    ])
  }

  /** A declaration that refers to itself finds its own unfinished set. */
  #codesOf(declaration: ts.Node): Set<string> {
    const known = this.#known.get(declaration)
    if (known !== undefined) return known
    const codes = new Set<string>()
    this.#known.set(declaration, codes)
    const visit = (node: ts.Node): void => {
      for (const code of this.#codesAt(node)) codes.add(code)
      ts.forEachChild(node, visit)
    }
    visit(declaration)
    return codes
  }

  #codesAt(node: ts.Node): Iterable<string> {
    if (ts.isNewExpression(node) && node.expression.getText() === 'ApplicationError')
      return [constructed(node)]
    if (!ts.isIdentifier(node)) return []
    return this.#declarationsOf(node).flatMap((declaration) => {
      const file = declaration.getSourceFile().fileName
      if (file.startsWith(ports)) return ts.isMethodSignature(declaration) ? documented(declaration) : []
      return file.startsWith(root) && isCode(declaration) ? [...this.#codesOf(declaration)] : []
    })
  }

  #declarationsOf(identifier: ts.Identifier): readonly ts.Declaration[] {
    const symbol = ts.isShorthandPropertyAssignment(identifier.parent)
      ? this.#checker.getShorthandAssignmentValueSymbol(identifier.parent)
      : this.#checker.getSymbolAtLocation(identifier)
    if (symbol === undefined) return []
    const isAlias = (symbol.flags & ts.SymbolFlags.Alias) !== 0
    return (isAlias ? this.#checker.getAliasedSymbol(symbol) : symbol).declarations ?? []
  }
}

const isCode = (declaration: ts.Declaration): boolean =>
  ts.isFunctionDeclaration(declaration) ||
  ts.isClassDeclaration(declaration) ||
  (ts.isVariableDeclaration(declaration) && ts.isSourceFile(declaration.parent.parent.parent))

function constructed(expression: ts.NewExpression): string {
  const code = expression.arguments?.[0]
  if (code !== undefined && ts.isStringLiteral(code)) return code.text
  throw new Error(`write the code of an ApplicationError out: ${code?.getText() ?? 'none'}`)
}

function documented(method: ts.MethodSignature): string[] {
  const comments = ts.getJSDocCommentsAndTags(method).map((comment) => comment.getText())
  return [...comments.join('\n').matchAll(/`(\w+)`/g)]
    .map(([, word = '']) => word)
    .filter((word) => word in problemTypes)
}
