import { describe, expect, test } from 'vitest'
import { readConfig } from '../../../src/infrastructure/settings/config.ts'
import { SettingsError, type Environment } from '../../../src/infrastructure/settings/settings-reader.ts'

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const OTHER = 'whsec_c2Vjb25kIHNlY3JldCBvZiB0aGUgdGVzdHMh'
const URL = 'https://hooks.example.org/in?key=hidden'

const lineFor = (environment: Environment): string => {
  try {
    readConfig(environment)
    return 'accepted'
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error
    return error.message.split('\n').slice(1).join('\n').trim()
  }
}

describe('webhooks', () => {
  test('webhooks share one secret or have one each, and several while one is replaced', () => {
    const urls = `${URL},https://other.example.org/`
    const webhooksFor = (secrets: string) => {
      const { webhooks } = readConfig({ WEBHOOK_URLS: urls, WEBHOOK_SECRETS: secrets })
      return webhooks.map(({ secrets: each }) => each)
    }
    expect(webhooksFor(SECRET)).toEqual([[SECRET], [SECRET]])
    expect(webhooksFor(`${SECRET}, ${OTHER}`)).toEqual([[SECRET], [OTHER]])
    expect(webhooksFor(`${SECRET}|${OTHER},${OTHER}`)).toEqual([[SECRET, OTHER], [OTHER]])
    expect(webhooksFor(`${SECRET}|${OTHER}`)).toEqual([
      [SECRET, OTHER],
      [SECRET, OTHER],
    ])
  })

  test.each([
    ['none', ''],
    ['one too many', `${SECRET},${OTHER}`],
    ['one without its prefix', SECRET.slice(6)],
    ['one that is too short', 'whsec_c2hvcnQ='],
    ['one that is too long', `whsec_${Buffer.from(SECRET.repeat(3)).toString('base64')}`],
    ['one that is not base64', `${SECRET.slice(0, -2)}!!`],
    ['one in another spelling', 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS='],
    ['one with few different characters', `whsec_${Buffer.alloc(32).toString('base64')}`],
  ])('webhook secrets are refused and not shown: %s', (_, secrets) => {
    const line = lineFor({ WEBHOOK_URLS: URL, WEBHOOK_SECRETS: secrets })
    expect(line).toMatch(
      /^WEBHOOK_SECRETS must hold .*; make one with: echo whsec_\$\(openssl rand -base64 32\)$/,
    )
    for (const each of secrets.split(',').filter((text) => text !== '')) expect(line).not.toContain(each)
  })

  test('webhook secrets without webhook addresses are refused', () => {
    expect(lineFor({ WEBHOOK_SECRETS: SECRET })).toBe(
      'WEBHOOK_SECRETS is only for WEBHOOK_URLS; leave it out',
    )
  })

  test.each([
    ['http://hooks.example.org/hidden', 'https://'],
    ['ftp://hooks.example.org/hidden', 'https://'],
    ['hidden', 'https://'],
    ['https://me:hidden@hooks.example.org/', 'without user, password and #'],
    ['https://hooks.example.org/#hidden', 'without user, password and #'],
    ['https://127.0.0.1/hidden', 'a private address'],
    ['https://[::1]/hidden', 'a private address'],
    ['https://2130706433/hidden', 'a private address'],
    ['https://169.254.169.254/hidden', 'a private address'],
    [`${URL},${URL}`, 'an address twice'],
    [Array.from({ length: 21 }, (_, at) => `${URL}${at}`).join(), 'at most 20'],
  ])('webhooks may not go to %s', { tags: ['OUT-3'] }, (urls, reason) => {
    const line = lineFor({ WEBHOOK_URLS: urls, WEBHOOK_SECRETS: SECRET })
    expect(line).toMatch(/^WEBHOOK_URLS /)
    expect(line).toContain(reason)
    expect(line).not.toContain('hidden')
  })

  test('webhooks may go to private addresses and without TLS if that is allowed', () => {
    const urls = 'http://127.0.0.1:9000/in,https://10.0.0.1/'
    const settings = { WEBHOOK_URLS: urls, WEBHOOK_SECRETS: SECRET, WEBHOOK_ALLOW_PRIVATE: 'true' }
    expect(readConfig(settings).webhooks.map(({ url }) => url)).toEqual(urls.split(','))
    expect(lineFor({ ...settings, WEBHOOK_ALLOW_PRIVATE: 'yes' })).toContain(
      'must be one of true, false, not "yes"',
    )
  })
})

describe('the messaging service', () => {
  test('the messaging service may be in a private network and without TLS', () => {
    const messagingUrl = 'http://messaging:8000'
    expect(readConfig({ MESSAGING_URL: messagingUrl }).messagingUrl).toBe(messagingUrl)
  })

  test.each([
    'messaging:8000',
    'http://me:hidden@messaging',
    'http://messaging/?x=hidden',
    'http://messaging/#hidden',
  ])('the messaging service may not be at %s', (url) => {
    const line = lineFor({ MESSAGING_URL: url })
    expect(line).toMatch(/^MESSAGING_URL must be /)
    expect(line).not.toContain('hidden')
  })
})
