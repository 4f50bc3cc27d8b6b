import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { MAIL_NAMES, type MailName } from '../../../src/infrastructure/mail/mail-catalogue.ts'
import { MailTemplates } from '../../../src/infrastructure/mail/mail-templates.ts'
import { SettingsError } from '../../../src/infrastructure/settings/settings-reader.ts'

const look = {
  brandName: 'Chat',
  brandColor: '#2563eb',
  publicUrl: 'https://auth.example.org',
  templates: undefined,
}
const link = 'https://auth.example.org/reset#token=abc_-123'
const username = 'anna'
/** Every value that any mail has. */
const values = {
  username: 'anna',
  link,
  device: 'Firefox on Linux',
  address: '203.0.113.7',
  factor: 'an authenticator app',
  time: '1 March 2026, 12:00 UTC',
  until: '8 March 2026, 12:00 UTC',
}
const templates = await MailTemplates.load(look)
const rendered = (name: MailName, changes: Partial<typeof values> = {}) =>
  templates.render(name, { ...values, ...changes })

const hostile = [
  'line\r\nBcc: victim@example.org',
  '"quoted" & <img src=https://evil.example/x> {{link}} {{{link}}}',
  '</bdi></td></table><script>alert(1)</script>',
  '\u202Egnp.exe\u202C and \u2066more',
  'שלום (עולם)',
  '\u2028next\u2029line\u0000\u001B[31m',
]

describe.each(MAIL_NAMES)('the mail %s', (name) => {
  test(`${name} has a subject, a page and a text, and no placeholder is left`, () => {
    const { subject, text, html } = rendered(name)
    expect(subject).toMatch(/^[A-Z][^\r\n]{8,60}$/)
    for (const part of [subject, text, html]) expect(part).not.toMatch(/\{\{|\}\}|undefined/)
    expect(text).toContain('Chat')
  })

  test(`${name} loads nothing from elsewhere and runs nothing`, { tags: ['MAIL-5'] }, () => {
    const { html } = rendered(name)
    expect(html).not.toMatch(/<(?:img|script|link|iframe|form|object|video|audio|svg|base)\b/i)
    expect(html).not.toMatch(/\bsrc=|url\(|@import|\son\w+=/i)
    const targets = [...html.matchAll(/href="([^"]*)"/g)].map(([, target]) => target)
    expect(new Set(targets)).toEqual(new Set(html.includes('href') ? [link] : []))
  })

  test.each(hostile)(`${name} stays as it is with the name %j`, { tags: ['MAIL-3'] }, (odd) => {
    const plain = rendered(name)
    const { subject, text, html } = rendered(name, { username: odd, device: odd, address: odd })
    expect(subject).toBe(plain.subject)
    const tags = (page: string) => page.match(/<[^>]*>/g)
    expect(tags(html)).toEqual(tags(plain.html))
    expect(html).not.toMatch(/[\u202A-\u202E\u2066\u2028\u0000\u001B]/u)
    expect(text.split('\n')).toHaveLength(plain.text.split('\n').length)
    // Every isolate ends in its line.
    for (const line of text.split('\n'))
      expect(line.replaceAll(/\u2068[^\u2066-\u2069]*\u2069/gu, '')).not.toMatch(
        /[\u202A-\u202E\u2066-\u2069\u2028\u0000\u001B]/u,
      )
  })
})

describe('what mails say', () => {
  test('right-to-left names do not reorder the text around them', { tags: ['MAIL-3'] }, () => {
    const { text, html } = rendered('reset-password', { username: 'שלום' })
    expect(text).toContain('account \u2068שלום\u2069 at')
    expect(html).toContain('<bdi>שלום</bdi>')
    expect(rendered('reset-password', { username: 'zoë' }).text).toContain('account zoë at')
  })

  test('names are escaped in pages and as they are in text', () => {
    const { text, html } = rendered('reset-password', { username: `a<b>&"c'` })
    expect(text).toContain(`a<b>&"c'`)
    expect(html).toContain('<bdi>a&lt;b&gt;&amp;&quot;c&#39;</bdi>')
  })

  test('mails have the name and the colour of the platform', async () => {
    const others = await MailTemplates.load({ ...look, brandName: 'Плаза & Co', brandColor: '#ffe000' })
    const { subject, text, html } = others.render('reset-password', { username: 'anna', link })
    expect(subject).toBe('Reset your Плаза & Co password')
    expect(text).toContain('Плаза & Co')
    expect(html).toContain('<bdi>Плаза &amp; Co</bdi>')
    expect(html).toContain('background: #ffe000; vertical-align')
    // Dark letters on a light button, and the other way round.
    expect(html).toContain('color: #000000; text-decoration: none')
    expect(rendered('reset-password').html).toContain('color: #ffffff; text-decoration: none')
  })
})

describe('templates of the operator', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mail-templates-'))
  })
  afterEach(() => rm(folder, { recursive: true }))

  const loadWith = async (files: Record<string, string | Buffer>) => {
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
    return MailTemplates.load({ ...look, templates: folder })
  }
  const problemWith = async (files: Record<string, string | Buffer>): Promise<string> => {
    const error = await loadWith(files).then(
      () => undefined,
      (cause: unknown) => cause,
    )
    if (!(error instanceof SettingsError)) throw new Error(`there was no problem: ${String(error)}`)
    return error.message.split('\n').slice(1).join('\n').trim()
  }

  test('a template of the operator replaces ours, and the others stay', async () => {
    const own = await loadWith({
      'reset-password.txt': 'Subject: Neues Passwort, {{username}}\n\nHallo {{username}}: {{link}}\n',
      'reset-password.html': '<p>Hallo <bdi>{{username}}</bdi>: <a href="{{link}}">weiter</a></p>',
      'notes.md': 'our own notes',
    })
    const { subject, text, html } = own.render('reset-password', { username: 'anna\r\nX: y', link })
    expect(subject).toBe('Neues Passwort, anna X: y')
    expect(text).toMatch(/^Hallo anna X: y: https:\/\/auth\.example\.org\/reset#token=abc_-123\n/)
    expect(html).toContain(`<p>Hallo <bdi>anna X: y</bdi>: <a href="${link}">weiter</a></p>`)
    expect(own.render('verify-email', { username, link })).toEqual(
      templates.render('verify-email', { username, link }),
    )
  })

  test('the operator may replace the layout', async () => {
    const own = await loadWith({ 'layout.html': '<title>{{subject}}</title>{{> content}}' })
    expect(own.render('verify-email', { username, link }).html).toMatch(
      /^<title>Verify your e-mail address for Chat<\/title><h1/,
    )
  })

  const head = 'Subject: x\n\n'
  test.each<[string, string, string]>([
    ['reset-password.html', '<a href="{{link}}">x</a>', 'reset-password.html needs {{username}}'],
    ['reset-password.txt', `${head}{{username}}`, 'reset-password.txt needs {{link}}'],
    ['reset-password.txt', `${head}{{username}} {{#link}}x{{/link}}`, 'reset-password.txt needs {{link}}'],
    [
      'reset-password.txt',
      '{{username}} {{link}}',
      'reset-password.txt must begin with a line "Subject: …" and a blank line',
    ],
    [
      'reset-password.html',
      '{{usrname}} {{link}}',
      'reset-password.html names {{usrname}}, which is not a value of this mail',
    ],
    [
      'verify-email.html',
      '{{link}} {{username}} {{time}}',
      'verify-email.html names {{time}}, which is not a value of this mail',
    ],
    [
      'reset-password.html',
      '{{{username}}} {{link}}',
      'reset-password.html inserts username without escaping; write {{username}}',
    ],
    [
      'reset-password.html',
      '{{&username}} {{link}}',
      'reset-password.html inserts username without escaping; write {{username}}',
    ],
    [
      'reset-password.html',
      '{{#link}} {{&username}} {{/link}}',
      'reset-password.html inserts username without escaping; write {{username}}',
    ],
    [
      'reset-password.html',
      '{{link}} {{username}} {{> other}}',
      'reset-password.html has a tag that is not available: {{> other}}',
    ],
    [
      'reset-password.html',
      '{{=<% %>=}}<% link %>',
      'reset-password.html has a tag that is not available: {{= <% %>}}',
    ],
    ['reset-password.html', '{{link', 'reset-password.html does not parse: Unclosed tag at 6'],
    [
      'reset-password.html',
      '{{#link}} {{username}}',
      'reset-password.html does not parse: Unclosed section "link" at 22',
    ],
    ['layout.html', '<p>nothing</p>', 'layout.html needs {{> content}}'],
    [
      'layout.txt',
      '{{> content}} {{username}}',
      'layout.txt names {{username}}, which is not a value of this mail',
    ],
  ])('a template stops the start if it cannot work: %s %s', async (name, text, problem) => {
    expect(await problemWith({ [name]: text })).toBe(`MAIL_TEMPLATES: ${problem}`)
  })

  test('a file with an unknown name stops the start, because the mail it is meant for would not change', async () => {
    expect(await problemWith({ 'reset_password.html': '' })).toMatch(
      /^MAIL_TEMPLATES: reset_password\.html is not one of layout\.html, layout\.txt, verify-email\.html, /,
    )
  })

  test('a file that is not UTF-8 and a missing folder stop the start', async () => {
    expect(await problemWith({ 'layout.txt': Buffer.from([0xff, 0xfe, 0x41]) })).toMatch(
      /^MAIL_TEMPLATES: layout\.txt cannot be read \(/,
    )
    const load = MailTemplates.load({ ...look, templates: join(folder, 'missing') })
    await expect(load).rejects.toThrow('MAIL_TEMPLATES is not a folder that can be read (ENOENT)')
  })

  test('our own templates pass as those of an operator, so a copy is a good start', async () => {
    const ours = new URL('../../../assets/mail/', import.meta.url)
    const files = await readdir(ours)
    const copies = await Promise.all(files.map(async (name) => [name, await readFile(new URL(name, ours))]))
    const own = await loadWith(Object.fromEntries(copies) as Record<string, Buffer>)
    expect(own.render('verify-email', { username, link })).toEqual(
      templates.render('verify-email', { username, link }),
    )
    expect(files.length).toBe(2 * (MAIL_NAMES.length + 1))
  })
})
