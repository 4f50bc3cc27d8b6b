import { describe, expect, test } from 'vitest'
import { readConfig } from '../../src/infrastructure/config.ts'
import { SettingsError, type Environment } from '../../src/infrastructure/settings-reader.ts'

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
  test('share one secret, or have one each in their order, and several while one is replaced', () => {
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
    ['one of hardly any variety', `whsec_${Buffer.alloc(32).toString('base64')}`],
  ])('have to have secrets: %s is refused and not shown', (_, secrets) => {
    const line = lineFor({ WEBHOOK_URLS: URL, WEBHOOK_SECRETS: secrets })
    expect(line).toMatch(
      /^WEBHOOK_SECRETS holds .*; make one with: echo whsec_\$\(openssl rand -base64 32\)$/,
    )
    for (const each of secrets.split(',').filter((text) => text !== '')) expect(line).not.toContain(each)
  })

  test('need an address for their secrets', () => {
    expect(lineFor({ WEBHOOK_SECRETS: SECRET })).toBe(
      'WEBHOOK_SECRETS is only for WEBHOOK_URLS; leave it out',
    )
  })

  test.each([
    ['http://hooks.example.org/hidden', 'https://'],
    ['ftp://hooks.example.org/hidden', 'https://'],
    ['hidden', 'https://'],
    ['https://me:hidden@hooks.example.org/', 'no name, password or #'],
    ['https://hooks.example.org/#hidden', 'no name, password or #'],
    ['https://127.0.0.1/hidden', 'a private address'],
    ['https://[::1]/hidden', 'a private address'],
    ['https://2130706433/hidden', 'a private address'],
    ['https://169.254.169.254/hidden', 'a private address'],
    [`${URL},${URL}`, 'an address twice'],
    [Array.from({ length: 21 }, (_, at) => `${URL}${at}`).join(), 'at most 20'],
  ])('may not go to %s', (urls, reason) => {
    const line = lineFor({ WEBHOOK_URLS: urls, WEBHOOK_SECRETS: SECRET })
    expect(line).toMatch(/^WEBHOOK_URLS /)
    expect(line).toContain(reason)
    expect(line).not.toContain('hidden')
  })

  test('may go to private addresses and without TLS where that is allowed', () => {
    const urls = 'http://127.0.0.1:9000/in,https://10.0.0.1/'
    const settings = { WEBHOOK_URLS: urls, WEBHOOK_SECRETS: SECRET, WEBHOOK_ALLOW_PRIVATE: 'true' }
    expect(readConfig(settings).webhooks.map(({ url }) => url)).toEqual(urls.split(','))
    expect(lineFor({ ...settings, WEBHOOK_ALLOW_PRIVATE: 'yes' })).toContain(
      'is one of true, false, not "yes"',
    )
  })
})

describe('the messaging service', () => {
  test('may be in a private network and without TLS', () => {
    const messagingUrl = 'http://messaging:8000'
    expect(readConfig({ MESSAGING_URL: messagingUrl }).messagingUrl).toBe(messagingUrl)
  })

  test.each([
    'messaging:8000',
    'http://me:hidden@messaging',
    'http://messaging/?x=hidden',
    'http://messaging/#hidden',
  ])('is not at %s', (url) => {
    const line = lineFor({ MESSAGING_URL: url })
    expect(line).toMatch(/^MESSAGING_URL is /)
    expect(line).not.toContain('hidden')
  })
})
