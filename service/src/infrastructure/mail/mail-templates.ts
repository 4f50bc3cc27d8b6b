import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import Mustache from 'mustache'
import { SettingsError } from '../settings/settings-reader.ts'
import type { Brand } from '../settings/brand.ts'
import { COMMON_VALUES, mailCatalogue, MAIL_NAMES, type MailName, type MailValues } from './mail-catalogue.ts'
import { mailStyles } from './mail-styles.ts'
import { oneLine, shownInHtml, shownInText } from './shown-text.ts'
import { templateProblem } from './template-check.ts'

const OURS = fileURLToPath(new URL('../../../assets/mail/', import.meta.url))
const LAYOUT = 'layout'
const FILES = [LAYOUT, ...MAIL_NAMES].flatMap((name) => [`${name}.html`, `${name}.txt`])

export interface RenderedMail {
  readonly subject: string
  readonly text: string
  readonly html: string
}

export interface MailLook extends Brand {
  readonly publicUrl: string
  /** The folder of the operator's own templates. */
  readonly templates: string | undefined
}

/** The head of a text file is `Subject: …` and, if there is one, `Preview: …`, which mail programs show beside the subject. */
const HEAD = /^Subject: (\S.*)\r?\n(?:Preview: (.*)\r?\n)?\r?\n/

/** Every mail, in HTML and as text. Templates are read and checked once. */
export class MailTemplates {
  readonly #files: ReadonlyMap<string, string>
  readonly #common: Readonly<Record<string, unknown>>

  /** Throws a SettingsError that names what is wrong with the operator's templates. */
  static async load(look: MailLook): Promise<MailTemplates> {
    const own = look.templates === undefined ? new Map<string, string>() : await readOwn(look.templates)
    const files = new Map<string, string>()
    for (const name of FILES) files.set(name, own.get(name) ?? (await readFile(join(OURS, name), 'utf8')))
    const common = commonValues(look)
    refuseProblems(
      [...files].map(([name, text]) => [name, problemOf(name, text, Object.keys(common.styles))]),
    )
    return new MailTemplates(files, common)
  }

  private constructor(files: ReadonlyMap<string, string>, common: Readonly<Record<string, unknown>>) {
    this.#files = files
    this.#common = common
  }

  render<Name extends MailName>(name: Name, values: MailValues<Name>): RenderedMail {
    const view = { ...this.#common, ...values }
    const file = this.#file(`${name}.txt`)
    const [head = '', subjectLine = '', previewLine = ''] = HEAD.exec(file) ?? []
    const line = (template: string) => oneLine(inText(template, view))
    const subject = line(subjectLine)
    const withHead = { ...view, subject, preview: line(previewLine) }
    return {
      subject,
      text: inText(this.#file(`${LAYOUT}.txt`), withHead, { content: file.slice(head.length) }),
      html: inHtml(this.#file(`${LAYOUT}.html`), withHead, { content: this.#file(`${name}.html`) }),
    }
  }

  #file(name: string): string {
    return this.#files.get(name) ?? ''
  }
}

const inText = (template: string, view: object, parts: Record<string, string> = {}): string =>
  Mustache.render(template, view, parts, { escape: (value) => shownInText(String(value)) })

const inHtml = (template: string, view: object, parts: Record<string, string>): string =>
  Mustache.render(template, view, parts, { escape: (value) => shownInHtml(String(value)) })

const commonValues = ({ brandName, brandColor, publicUrl }: MailLook) => ({
  brand: brandName,
  service_url: publicUrl,
  color: brandColor,
  styles: mailStyles(brandColor),
})

/** The operator's files. A name that we do not know is a mistake: the mail it was meant for would not change. */
async function readOwn(folder: string): Promise<ReadonlyMap<string, string>> {
  const found = await readdir(folder).catch((error: unknown) => {
    const { code = '' } = error as NodeJS.ErrnoException
    throw new SettingsError([`MAIL_TEMPLATES is not a folder that can be read (${code})`])
  })
  const names = found.filter((name) => /\.(?:html|txt)$/.test(name))
  const unknown = names.filter((name) => !FILES.includes(name))
  refuseProblems(unknown.map((name) => [name, `is not one of ${FILES.join(', ')}`]))
  return new Map(
    await Promise.all(names.map(async (name) => [name, await readOwnFile(folder, name)] as const)),
  )
}

async function readOwnFile(folder: string, name: string): Promise<string> {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(join(folder, name)))
  } catch (error) {
    const { code = 'not UTF-8' } = error as NodeJS.ErrnoException
    throw new SettingsError([`MAIL_TEMPLATES: ${name} cannot be read (${code})`])
  }
}

function problemOf(file: string, text: string, styles: readonly string[]): string | undefined {
  const isLayout = file.startsWith(LAYOUT)
  const { needs, may } = isLayout ? NO_VALUES : mailCatalogue[file.replace(/\.\w+$/, '') as MailName]
  const ofLayout = isLayout ? ['subject', 'preview'] : []
  const ofHtml = file.endsWith('.html') ? ['color', ...styles.map((name) => `styles.${name}`)] : []
  const allowed = [...COMMON_VALUES, ...needs, ...may, ...ofLayout, ...ofHtml]
  const hasHead = isLayout || file.endsWith('.html') || HEAD.test(text)
  if (!hasHead) return 'must begin with a line "Subject: …" and a blank line'
  return templateProblem({ text, allowed, needed: needs, isLayout })
}

const NO_VALUES = { needs: [], may: [] } as const

function refuseProblems(found: readonly (readonly [file: string, problem: string | undefined])[]): void {
  const problems = found.flatMap(([file, problem]) =>
    problem === undefined ? [] : [`MAIL_TEMPLATES: ${file} ${problem}`],
  )
  if (problems.length > 0) throw new SettingsError(problems)
}
