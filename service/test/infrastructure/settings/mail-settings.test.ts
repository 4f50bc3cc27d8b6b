import { describe, expect, test } from 'vitest'
import { readConfig } from '../../../src/infrastructure/settings/config.ts'
import { SettingsError, type Environment } from '../../../src/infrastructure/settings/settings-reader.ts'

const FROM = 'Chat <no-reply@chat.example.org>'
const production = {
  PUBLIC_URL: 'https://auth.example.org',
  DATABASE_URL: 'postgres://db/chat_auth',
  AUTH_SECRET: 'a secret for tests that is long enough',
}
const mailOf = (environment: Environment) => readConfig(environment).mail
const serverOf = (url: string) => {
  const mail = mailOf({ ...production, SMTP_URL: url, MAIL_FROM: FROM })
  return mail.kind === 'smtp' ? mail.server : undefined
}
const lineFor = (environment: Environment): string => {
  try {
    readConfig(environment)
    return 'accepted'
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error
    return error.message.split('\n').slice(1).join('\n').trim()
  }
}

describe('whether mail is on', () => {
  test('mail goes to the mail server of SMTP_URL, with or without the embedded database', () => {
    const settings = { SMTP_URL: 'smtps://mail.example.org', MAIL_FROM: FROM }
    expect(mailOf(settings).kind).toBe('smtp')
    expect(mailOf({ ...production, ...settings })).toMatchObject({
      kind: 'smtp',
      from: { name: 'Chat', address: 'no-reply@chat.example.org' },
      templates: undefined,
    })
  })

  test('the embedded run without a mail server keeps mail in the dev mailbox', () => {
    expect(mailOf({ BRAND_NAME: 'Chat' })).toEqual({
      kind: 'mailbox',
      from: { name: 'Chat', address: 'no-reply@localhost' },
      templates: undefined,
    })
    expect(mailOf({ MAIL_FROM: FROM, MAIL_TEMPLATES: 'mails' })).toEqual({
      kind: 'mailbox',
      from: { name: 'Chat', address: 'no-reply@chat.example.org' },
      templates: 'mails',
    })
  })

  test.each([
    ['with PostgreSQL', production],
    ['if users come from elsewhere', { PUBLIC_URL: 'https://auth.example.org' }],
    ['if other machines reach the internal listener', { INTERNAL_HOST: '0.0.0.0' }],
  ])('there is no dev mailbox %s', { tags: ['MAIL-4'] }, (_, settings) => {
    expect(mailOf(settings)).toEqual({ kind: 'off' })
    expect(lineFor({ ...settings, MAIL_FROM: FROM })).toMatch(/^MAIL_FROM needs SMTP_URL/)
    expect(lineFor({ ...settings, MAIL_TEMPLATES: 'mails' })).toMatch(/^MAIL_TEMPLATES needs SMTP_URL/)
  })
})

describe('SMTP_URL', () => {
  test.each([
    ['smtp://mail.example.org', { host: 'mail.example.org', port: 587, login: undefined, tls: 'required' }],
    ['smtps://mail.example.org', { host: 'mail.example.org', port: 465, login: undefined, tls: 'implicit' }],
    ['smtp://1.1.1.1:25/', { host: '1.1.1.1', port: 25, tls: 'required' }],
    ['smtp://localhost:1025', { host: 'localhost', port: 1025, tls: 'offered' }],
    ['smtp://mailhog', { host: 'mailhog', port: 587, tls: 'offered' }],
    ['smtp://10.0.0.5', { host: '10.0.0.5', tls: 'offered' }],
    ['smtp://[::1]:25', { host: '::1', port: 25, tls: 'offered' }],
    ['smtps://mailhog', { tls: 'implicit' }],
    [
      'smtp://me%40example.org:p%40ss%2Fword@mail.example.org',
      { login: { user: 'me@example.org', password: 'p@ss/word' } },
    ],
  ])('the service reads the mail server %s', { tags: ['MAIL-2'] }, (url, server) => {
    expect(serverOf(url)).toMatchObject(server)
  })

  test.each([
    'https://hidden.example.org',
    'hidden.example.org',
    'smtp://',
    'smtp://mail.example.org/hidden',
    'smtp://mail.example.org?tls.rejectUnauthorized=false&hidden',
    'smtp://user:hidden#1@mail.example.org',
    'smtp://user:hidden%@mail.example.org',
    'smtp://hidden@mail.example.org',
    'smtp://:hidden@mail.example.org',
  ])('a wrong SMTP_URL stops the start and is not shown: %s', (url) => {
    const line = lineFor({ ...production, SMTP_URL: url, MAIL_FROM: FROM })
    expect(line).toMatch(/^SMTP_URL must /)
    expect(line).not.toContain('hidden')
  })
})

describe('MAIL_FROM', () => {
  test.each([
    ['no-reply@chat.example.org', { name: 'chat-auth', address: 'no-reply@chat.example.org' }],
    ['<no-reply@chat.example.org>', { name: 'chat-auth', address: 'no-reply@chat.example.org' }],
    [
      'Chat of Zoë <no-reply@Chat.example.org>',
      { name: 'Chat of Zoë', address: 'no-reply@chat.example.org' },
    ],
    [String.raw`"Chat, \"the\" one" <a@example.org>`, { name: 'Chat, "the" one', address: 'a@example.org' }],
  ])('the sender can be %s', (text, from) => {
    expect(mailOf({ MAIL_FROM: text })).toMatchObject({ from })
  })

  test.each([
    'Chat',
    'Chat <no-reply>',
    'a@example.org, b@example.org',
    'Chat, Inc. <a@example.org>',
    '"Chat <a@example.org>',
    'Chat\r\nBcc: b@example.org <a@example.org>',
    'Chat\r\nBcc <a@example.org>',
    '"Chat\u001b" <a@example.org>',
    'Chat <a@example.org>\nBcc: b@example.org',
    'a@exam\nple.org',
  ])('a wrong sender stops the start: %j', { tags: ['MAIL-3'] }, (text) => {
    expect(lineFor({ MAIL_FROM: text })).toMatch(/^MAIL_FROM is not an address; write an address, such as /)
  })

  test('the sender is required with a mail server', () => {
    expect(lineFor({ SMTP_URL: 'smtps://mail.example.org' })).toMatch(/^MAIL_FROM is required with SMTP_URL/)
  })
})

describe('BRAND_COLOR', () => {
  test.each([
    [undefined, '#2563eb'],
    ['AA00ff', '#aa00ff'],
    ['#0a0b0c', '#0a0b0c'],
  ])('the colour can be %s', (text, color) => {
    expect(readConfig({ BRAND_COLOR: text }).brandColor).toBe(color)
  })

  test.each(['red', 'fff', '2563ebff', '2563eb;background:url(x)'])('the colour %s is refused', (text) => {
    expect(lineFor({ BRAND_COLOR: text })).toMatch(/^BRAND_COLOR must be six hexadecimal digits/)
  })
})
