import { readdir, readFile } from 'node:fs/promises'
import { extname } from 'node:path'
import { escapeHtml } from '../../interface-adapters/http/escape-html.ts'
import type { PageFile } from '../../interface-adapters/http/public/page-routes.ts'

const FOLDER = new URL('../../../../pages/', import.meta.url)

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
}

interface PageTexts {
  readonly brandName: string
  readonly passwordMinimumLength: number
}

/** Reads the pages that links in mails open, and the files that they load, each with the path it is served at. */
export async function loadPages({ brandName, passwordMinimumLength }: PageTexts): Promise<PageFile[]> {
  const texts = new Map([
    ['brand', escapeHtml(brandName)],
    ['password-minimum', String(passwordMinimumLength)],
  ])
  const names = (await readdir(FOLDER)).filter((name) => extname(name) in CONTENT_TYPES)
  return Promise.all(
    names.map(async (name) => {
      const type = CONTENT_TYPES[extname(name)] ?? ''
      const content = await readFile(new URL(name, FOLDER), 'utf8')
      const isPage = extname(name) === '.html'
      return {
        path: isPage ? `/${name.replace('.html', '')}` : `/pages/${name}`,
        type,
        content: isPage
          ? content.replaceAll(/\{\{([\w-]+)\}\}/g, (_, key: string) => texts.get(key) ?? '')
          : content,
      }
    }),
  )
}
