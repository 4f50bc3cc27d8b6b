import { escapeHtml } from '../escape-html.ts'
import { createHash } from 'node:crypto'
import type { KeptMail } from './mailbox.ts'

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem; }
h1 { font-size: 1.4rem; margin: 0 0 .5rem; }
ol { list-style: none; margin: 1.5rem 0; padding: 0; }
li a { display: block; padding: .75rem 0; border-top: 1px solid color-mix(in srgb, currentColor 20%, transparent); text-decoration: none; color: inherit; overflow-wrap: anywhere; }
li a:hover strong, li a:focus strong { text-decoration: underline; }
li span, dl, p { color: color-mix(in srgb, currentColor 75%, transparent); }
li span { display: block; font-size: .9rem; }
dl { display: grid; grid-template-columns: auto 1fr; gap: 0 .75rem; margin: 0 0 1rem; }
dd { margin: 0; overflow-wrap: anywhere; }
iframe { width: 100%; height: 44rem; border: 1px solid color-mix(in srgb, currentColor 20%, transparent); border-radius: 6px; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font: .9rem/1.5 ui-monospace, monospace; }
`
const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64')

/** Pages show what they contain, and nothing else may show them. */
export const PAGE_POLICY = `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`

/** A mail runs nothing, loads nothing, and has an origin of its own. Its links open in new tabs. */
const SANDBOX = 'allow-popups allow-popups-to-escape-sandbox'
export const FRAME_POLICY = `default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox ${SANDBOX}`

export function listPage(mails: readonly KeptMail[]): string {
  const items = mails.map(
    ({ id, to, subject, sentAt }) =>
      `<li><a href="/mailbox/${encodeURIComponent(id)}"><strong>${escapeHtml(subject)}</strong><span>To ${escapeHtml(to)} · ${timeOf(sentAt)}</span></a></li>`,
  )
  const content = mails.length === 0 ? '<p>No mail yet.</p>' : `<ol>${items.join('')}</ol>`
  return page(
    'Mailbox',
    `<h1>Mailbox</h1><p>SMTP_URL is not set, so mails to users are kept here until the service stops. Reload to see new ones.</p>${content}`,
  )
}

export function mailPage({ id, to, subject, text, sentAt }: KeptMail): string {
  return page(
    subject,
    `<p><a href="/mailbox">All mails</a></p><h1>${escapeHtml(subject)}</h1>` +
      `<dl><dt>To</dt><dd>${escapeHtml(to)}</dd><dt>Sent</dt><dd>${timeOf(sentAt)}</dd></dl>` +
      `<iframe title="The mail as a page" sandbox="${SANDBOX}" src="/mailbox/${encodeURIComponent(id)}/page"></iframe>` +
      `<h2>As text</h2><pre>${withLinks(text)}</pre>`,
  )
}

/** The mail itself. Its links open in new tabs, even if a template does not say so. */
export const framePage = ({ html }: KeptMail): string => html.replace(/<head>/i, '$&<base target="_blank">')

const page = (title: string, content: string): string =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${escapeHtml(title)}</title><style>${STYLE}</style></head><body>${content}</body></html>`

const withLinks = (text: string): string =>
  escapeHtml(text).replaceAll(
    /https?:\/\/[^\s<>"]+/g,
    (link) => `<a href="${link}" target="_blank" rel="noopener noreferrer">${link}</a>`,
  )

const timeOf = (at: Date): string => at.toISOString().replace('T', ' ').replace(/\..*/, ' UTC')
