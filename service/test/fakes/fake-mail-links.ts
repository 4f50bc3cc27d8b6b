import type { MailLinkContent, MailLinks } from '../../src/application/ports/mail-links.ts'

/** Tokens that anybody can read and make. */
export const fakeMailLinks: MailLinks = {
  issue: (content) => JSON.stringify(content),
  verify: (token, purpose) => {
    if (!token.startsWith('{')) return undefined
    const content = JSON.parse(token) as MailLinkContent
    const read = { ...content, expiresAt: new Date(content.expiresAt) }
    return (read.purpose === purpose ? read : undefined) as never
  },
}
