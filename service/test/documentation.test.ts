// The pages are true to the tree: links lead somewhere, named files exist, and requirements have tests.
import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { requirementRows } from '../../scripts/security-requirements.ts'
import { projectFiles, projectRoot } from './support/project-files.ts'

const files = projectFiles()
const pages = files.filter((path) => path.endsWith('.md'))
const read = (path: string) => readFileSync(new URL(path, projectRoot), 'utf8')

const isTagged = (path: URL, id: string) =>
  new RegExp(`tags: \\[[^\\]]*'${id}'`).test(readFileSync(path, 'utf8'))

/** Paths in docs/security.md are below service/test, but for those of the other folders with tests. */
const urlOf = (file: string): URL =>
  new URL(file, /^(?:end-to-end|verifiers)\//u.test(file) ? projectRoot : import.meta.url)

test('every file that docs/security.md names has a test with the tag of its row', () => {
  const rows = requirementRows()
  const missing = rows.flatMap((row) =>
    row.files
      .map((file) => ({ id: row.id, file, path: urlOf(file) }))
      .filter(({ id, path }) => !existsSync(path) || !isTagged(path, id))
      .map(({ id, file }) => `${id}: ${file}`),
  )
  expect(missing).toEqual([])
  expect(rows.length).toBeGreaterThan(90)
})

test('every requirement of docs/security.md names a test file or says that it is checked by hand', () => {
  const unproven = requirementRows().filter((row) => row.files.length === 0 && !row.row.includes('by hand'))
  expect(unproven.map(({ id }) => id)).toEqual([])
})

test('no two requirements of docs/security.md share an id', () => {
  const ids = requirementRows().map(({ id }) => id)
  expect(ids.filter((id, at) => ids.indexOf(id) !== at)).toEqual([])
})

test('every relative link in the documentation leads to an existing file and heading', () => {
  const links = pages.flatMap((page) => relativeLinks(page).map((target) => ({ page, target })))
  const broken = links.filter(({ page, target }) => !leadsSomewhere(page, target))
  expect(broken.map(({ page, target }) => `${page}: ${target}`)).toEqual([])
  expect(links.length).toBeGreaterThan(100)
})

test('every source file and folder that the documentation names exists', () => {
  const names = pages.flatMap((page) => namedPaths(page).map((path) => ({ page, path })))
  const missing = names.filter(({ path }) => !exists(path))
  expect(missing.map(({ page, path }) => `${page}: ${path}`)).toEqual([])
  expect(names.length).toBeGreaterThan(150)
})

function relativeLinks(page: string): string[] {
  const prose = read(page).replace(/^```[^]*?^```/gmu, '')
  return [...prose.matchAll(/\]\(([^)\s]+)\)/gu)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/u.test(target))
}

function leadsSomewhere(page: string, target: string): boolean {
  const [path = '', heading] = target.split('#')
  const file = path === '' ? page : new URL(path, new URL(page, 'file:///')).pathname.slice(1)
  if (!files.includes(file) && !files.includes(`${file}/`)) return false
  return heading === undefined || headings(file).includes(heading)
}

/** The anchors that GitHub gives to the headings of a page; it numbers repeated ones. */
function headings(page: string): string[] {
  const slugs = [...read(page).matchAll(/^#+ (.+)$/gmu)].map(([, text = '']) =>
    text
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  )
  return slugs.map((slug, at) => {
    const earlier = slugs.slice(0, at).filter((other) => other === slug).length
    return earlier === 0 ? slug : `${slug}-${earlier}`
  })
}

/** Code spans that are the name of a source file, or a path below one of the project's folders. */
function namedPaths(page: string): string[] {
  const spans = [...read(page).matchAll(/`([^`\s]+)`/gu)].map(([, span = '']) => span)
  return spans.filter(
    (span) =>
      /^[\w.][\w./-]*\.(?:ts|cjs|sql|svg|conf|sh)$/u.test(span) ||
      /^(?!application\/json$)(?:service|verifiers|end-to-end|deploy|scripts|domain|application|interface-adapters|infrastructure|wiring)\/[\w./-]*$/u.test(
        span,
      ),
  )
}

/** Pages may leave out the beginning of a path. */
const exists = (path: string): boolean =>
  files.some(
    (file) => `/${file}`.endsWith(`/${path}`) || `/${file}`.endsWith(`/${path.replace(/\/?$/u, '/')}`),
  )
