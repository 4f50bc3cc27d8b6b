import type { Finding } from '../../interface-adapters/http/doctor-routes.ts'
import { SECRET_FOR_TRYING, type Config } from '../config.ts'
import { ok, warning } from './finding.ts'

const HOUR = 3600

/** The settings that are allowed, and yet odd or weak. What is wrong stops the start. */
export function settingsFindings(config: Config): readonly Finding[] {
  const found = [...exposed(config), ...proxied(config), ...tokens(config), ...sessions(config)]
  const warnings = found.filter((pair) => pair !== undefined)
  if (warnings.length === 0) return [ok('settings', 'nothing is weak or odd')]
  return warnings.map(([detail, advice]) => warning('settings', detail, advice))
}

/** What is so, and what to do about it. */
type Remark = readonly [detail: string, advice: string] | undefined

const when = (condition: boolean, detail: string, advice: string): Remark =>
  condition ? [detail, advice] : undefined

const LOOPBACK = ['localhost', '127.0.0.1', '::1', '[::1]']

const isLoopback = (host: string): boolean => LOOPBACK.includes(host)

function exposed({ publicUrl, host, authSecret, ...config }: Config): Remark[] {
  const isOpen = !isLoopback(host)
  const plainOrigins = config.corsOrigins.filter((origin) => isPlain(origin))
  return [
    when(
      isOpen && publicUrl.startsWith('http:'),
      `HOST=${host} takes calls from other machines, while PUBLIC_URL has no TLS: ${publicUrl}`,
      'Set PUBLIC_URL to the https address that people use, or HOST=127.0.0.1 while you are trying it.',
    ),
    when(
      isOpen && authSecret === SECRET_FOR_TRYING,
      `AUTH_SECRET is the public example, and HOST=${host} takes calls from other machines`,
      'Make one with: openssl rand -base64 32',
    ),
    when(
      plainOrigins.length > 0,
      `CORS_ORIGINS lets pages call that can be altered on their way: ${plainOrigins.join(', ')}`,
      'Serve those pages by https and name them so.',
    ),
    when(
      config.webhooks.some(({ url }) => isPlain(url)),
      'WEBHOOK_URLS holds an address without TLS: whoever is on the way reads the events',
      'Use https where the network is not yours alone.',
    ),
    when(
      config.previousAuthSecrets.length > 0,
      `AUTH_SECRET_PREVIOUS holds ${config.previousAuthSecrets.length}`,
      'Once SESSION_IDLE_TTL has passed since the change nobody needs it: leave it out.',
    ),
    when(
      ['silent', 'fatal', 'error', 'warn'].includes(config.logLevel),
      `LOG_LEVEL=${config.logLevel} leaves out who signed in and what was refused`,
      'Set LOG_LEVEL=info.',
    ),
  ]
}

/** http, and neither loopback nor the network of one's own containers. */
function isPlain(address: string): boolean {
  const { protocol, hostname } = new URL(address)
  return protocol === 'http:' && !isLoopback(hostname) && hostname.includes('.')
}

function proxied({ publicUrl, trustedProxies }: Config): Remark[] {
  return [
    when(
      publicUrl.startsWith('https:') && trustedProxies.length === 0,
      'PUBLIC_URL is https, so a proxy is in front, and TRUSTED_PROXIES names none: all people share one rate limit',
      'Set TRUSTED_PROXIES to the addresses of the proxy.',
    ),
  ]
}

function tokens(config: Config): Remark[] {
  const isShared = config.tokenAlgorithm === 'HS256'
  return [
    when(
      isShared,
      'TOKEN_ALGORITHM=HS256: every service that checks tokens can make them, for anybody',
      'Use EdDSA once all of them can fetch the published keys.',
    ),
    when(
      isShared && config.lostAnswer === 'receipts',
      'LOST_ANSWER=receipts with HS256: services that check with the secret alone report no receipts',
      'Set LOST_ANSWER=window unless they use the verifier library.',
    ),
    when(
      config.tokenAudience === undefined,
      'TOKEN_AUDIENCE is empty: a token made for another service of the same issuer is accepted too',
      'Set TOKEN_AUDIENCE once every service that checks tokens expects it.',
    ),
    when(
      config.accessTokenTtlSeconds > HOUR,
      `ACCESS_TOKEN_TTL is ${config.accessTokenTtlSeconds / 60} min: without the feed, ended sessions are accepted for so long`,
      'Set ACCESS_TOKEN_TTL to an hour or less.',
    ),
  ]
}

function sessions(config: Config): Remark[] {
  const { sessionIdleTtlSeconds, sessionTtlSeconds, accessTokenTtlSeconds } = config
  return [
    when(
      sessionIdleTtlSeconds > sessionTtlSeconds,
      'SESSION_IDLE_TTL is longer than SESSION_TTL, so it never counts',
      'Make SESSION_IDLE_TTL the shorter one.',
    ),
    when(
      accessTokenTtlSeconds >= sessionIdleTtlSeconds,
      'ACCESS_TOKEN_TTL is not shorter than SESSION_IDLE_TTL: sessions run out before anybody refreshes',
      'Make SESSION_IDLE_TTL several times as long.',
    ),
    when(
      config.refreshReuseWindowSeconds === 0 && config.lostAnswer === 'window',
      'REFRESH_REUSE_WINDOW=0 with LOST_ANSWER=window: two tabs that refresh at once, or one lost answer, end a session',
      'Set REFRESH_REUSE_WINDOW=30s, or LOST_ANSWER=receipts.',
    ),
  ]
}
