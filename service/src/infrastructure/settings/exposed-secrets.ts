import type { Config } from './config.ts'
import { isLoopback } from './loopback.ts'
import { isPrivateHost } from './private-hosts.ts'

/** The problem, and what to do about it. */
export type Remark = readonly [detail: string, advice: string]

/** Stood in .env.example as the password of the database. */
const PUBLIC_PASSWORD = 'forTryingOnLocalhostOnly'

/** Allowed settings by which others may learn secrets. The start and the doctor warn about them. */
export function exposedSecrets(
  config: Pick<Config, 'publicUrl' | 'databaseUrl' | 'databaseDirectUrl' | 'databaseSslMode'>,
): Remark[] {
  const { databaseUrl, databaseDirectUrl, databaseSslMode } = config
  return [
    ...exposedByUsers(config.publicUrl),
    ...exposedByDatabase('DATABASE_URL', databaseUrl, databaseSslMode),
    ...exposedByDatabase('DATABASE_DIRECT_URL', databaseDirectUrl, databaseSslMode),
  ]
}

function exposedByUsers(publicUrl: string): Remark[] {
  const { protocol, hostname } = new URL(publicUrl)
  if (protocol === 'https:' || isLoopback(hostname)) return []
  return [
    [
      `PUBLIC_URL has no TLS, so passwords and tokens can be read on the network: ${publicUrl}`,
      'Set PUBLIC_URL to the https address that users see.',
    ],
  ]
}

/** Shows only the host: the address may hold a password. */
function exposedByDatabase(name: string, address: string | undefined, sslMode: string | undefined): Remark[] {
  if (address === undefined) return []
  const url = new URL(address)
  const host = url.searchParams.get('host') ?? url.hostname
  const remarks: Remark[] = []
  if (!usesTls(url.searchParams, sslMode) && !isPrivate(host)) {
    remarks.push([
      `${name} leads to ${host} without TLS, so the password and the data can be read on the network`,
      `Add sslmode=verify-full to ${name}.`,
    ])
  }
  if (url.password === PUBLIC_PASSWORD) {
    remarks.push([
      `${name} has the public example password`,
      'Give the role another one, in the database and in the settings.',
    ])
  }
  return remarks
}

/** The values of `PGSSLMODE` with which the driver uses TLS. It ignores others, such as "allow". */
const MODES_WITH_TLS: readonly (string | undefined)[] = [
  'prefer',
  'require',
  'verify-ca',
  'verify-full',
  'no-verify',
]

/**
 * As the driver reads the parameters, and `PGSSLMODE` if they do not decide. It does not go on without TLS if the server has
 * none, not even with "prefer".
 */
function usesTls(parameters: URLSearchParams, sslMode: string | undefined): boolean {
  const mode = parameters.get('sslmode')
  if (mode !== null) return mode !== 'disable'
  const files = ['sslcert', 'sslkey', 'sslrootcert']
  if (files.some((name) => parameters.has(name))) return true
  const ssl = parameters.get('ssl')
  return ssl === null ? MODES_WITH_TLS.includes(sslMode) : ['true', '1'].includes(ssl)
}

function isPrivate(host: string): boolean {
  const isSocket = host.startsWith('/') || /^%2f/i.test(host)
  return isSocket || isPrivateHost(host)
}
