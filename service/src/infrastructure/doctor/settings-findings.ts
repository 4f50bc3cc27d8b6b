import type { Finding } from '../../interface-adapters/http/internal/finding.ts'
import type { Config } from '../settings/config.ts'
import { exposedSecrets, type Remark } from '../settings/exposed-secrets.ts'
import { ok, warning } from './finding.ts'
import { isLoopback } from '../settings/loopback.ts'

const HOUR = 3600

/** Settings that are allowed, but weak or odd. A wrong setting stops the start. */
export function settingsFindings(config: Config): readonly Finding[] {
  const found = [
    ...exposedSecrets(config),
    ...exposed(config),
    ...proxied(config),
    ...tokens(config),
    ...sessions(config),
  ]
  const warnings = found.filter((pair) => pair !== undefined)
  if (warnings.length === 0) return [ok('settings', 'none is weak or odd')]
  return warnings.map(([detail, advice]) => warning('settings', detail, advice))
}

const when = (condition: boolean, detail: string, advice: string): Remark | undefined =>
  condition ? [detail, advice] : undefined

function exposed({ publicUrl, host, ...config }: Config): (Remark | undefined)[] {
  const isOpen = !isLoopback(host)
  const { protocol, hostname } = new URL(publicUrl)
  const plainOrigins = config.corsOrigins.filter((origin) => isPlain(origin))
  return [
    when(
      isOpen && protocol === 'http:' && isLoopback(hostname),
      `HOST=${host} accepts requests from other machines, but PUBLIC_URL has no TLS: ${publicUrl}`,
      'Set PUBLIC_URL to the https address that users see, or set HOST=127.0.0.1 to try the service on one machine.',
    ),
    when(
      plainOrigins.length > 0,
      `CORS_ORIGINS allows pages without TLS, which an attacker on the network can alter: ${plainOrigins.join(', ')}`,
      'Serve these pages over https and list their https origins.',
    ),
    when(
      config.webhooks.some(({ url }) => isPlain(url)),
      'WEBHOOK_URLS has an address without TLS: an attacker on the network can read the events',
      'Use https unless the network is private.',
    ),
    when(
      config.previousAuthSecrets.length > 0,
      `AUTH_SECRET_PREVIOUS has ${config.previousAuthSecrets.length}`,
      'Remove it once SESSION_IDLE_TTL has passed since AUTH_SECRET was replaced: no token needs it then.',
    ),
    when(
      ['silent', 'fatal', 'error', 'warn'].includes(config.logLevel),
      `LOG_LEVEL=${config.logLevel} leaves sign-ins and refusals out of the log`,
      'Set LOG_LEVEL=info.',
    ),
  ]
}

/** Plain http, except to loopback and to a container's name. */
function isPlain(address: string): boolean {
  const { protocol, hostname } = new URL(address)
  return protocol === 'http:' && !isLoopback(hostname) && hostname.includes('.')
}

function proxied({ publicUrl, trustedProxies }: Config): (Remark | undefined)[] {
  return [
    when(
      publicUrl.startsWith('https:') && trustedProxies.length === 0,
      'PUBLIC_URL is https, so there is a proxy in front, but TRUSTED_PROXIES is empty: all users share one rate limit',
      'Set TRUSTED_PROXIES to the addresses of the proxy.',
    ),
  ]
}

function tokens(config: Config): (Remark | undefined)[] {
  const isShared = config.tokenAlgorithm === 'HS256'
  return [
    when(
      isShared,
      'TOKEN_ALGORITHM=HS256: every service that verifies tokens can also make them, for any user',
      'Use EdDSA once all these services can fetch the published keys.',
    ),
    when(
      isShared && config.lostResponse === 'receipts',
      'LOST_ANSWER=receipts with HS256: services that verify tokens with only the secret report no receipts',
      'Set LOST_ANSWER=window unless these services use the verifier library.',
    ),
    when(
      config.tokenAudience === undefined,
      'TOKEN_AUDIENCE is empty: tokens that the same issuer made for another service are accepted as well',
      'Set TOKEN_AUDIENCE once every service that verifies tokens expects it.',
    ),
    when(
      config.accessTokenTtlSeconds > HOUR,
      `ACCESS_TOKEN_TTL is ${config.accessTokenTtlSeconds / 60} min: a service without the feed accepts the tokens of ended sessions that long`,
      'Set ACCESS_TOKEN_TTL to an hour or less.',
    ),
  ]
}

function sessions(config: Config): (Remark | undefined)[] {
  const { sessionIdleTtlSeconds, sessionTtlSeconds, accessTokenTtlSeconds } = config
  return [
    when(
      sessionIdleTtlSeconds > sessionTtlSeconds,
      'SESSION_IDLE_TTL is longer than SESSION_TTL, so it has no effect',
      'Make SESSION_IDLE_TTL shorter than SESSION_TTL.',
    ),
    when(
      accessTokenTtlSeconds >= sessionIdleTtlSeconds,
      'ACCESS_TOKEN_TTL is not shorter than SESSION_IDLE_TTL: sessions expire before clients refresh',
      'Make SESSION_IDLE_TTL several times longer than ACCESS_TOKEN_TTL.',
    ),
    when(
      config.refreshReuseWindowSeconds === 0 && config.lostResponse === 'window',
      'REFRESH_REUSE_WINDOW=0 with LOST_ANSWER=window: two tabs that refresh at the same time, or one lost response, end a session',
      'Set REFRESH_REUSE_WINDOW=30s, or LOST_ANSWER=receipts.',
    ),
  ]
}
