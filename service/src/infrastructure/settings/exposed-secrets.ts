import type { Config } from './config.ts'
import { isLoopback } from './loopback.ts'
import { isPublicAddress, literalAddress } from './public-addresses.ts'

/** The problem, and what to do about it. */
export type Remark = readonly [detail: string, advice: string]

/** Stood in .env.example as the password of the database. */
const PUBLIC_PASSWORD = 'forTryingOnLocalhostOnly'

/** Allowed settings by which others may learn secrets. The start and the doctor warn about them. */
export function exposedSecrets(
  config: Pick<Config, 'publicUrl' | 'databaseUrl' | 'databaseDirectUrl'>,
): Remark[] {
  const { databaseUrl, databaseDirectUrl } = config
  return [
    ...exposedByUsers(config.publicUrl),
    ...exposedByDatabase('DATABASE_URL', databaseUrl),
    ...exposedByDatabase('DATABASE_DIRECT_URL', databaseDirectUrl),
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
function exposedByDatabase(name: string, address: string | undefined): Remark[] {
  if (address === undefined) return []
  const url = new URL(address)
  const host = url.searchParams.get('host') ?? url.hostname
  const remarks: Remark[] = []
  if (!usesTls(url.searchParams) && !isPrivate(host)) {
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

/** As the driver reads the parameters. It does not go on without TLS if the server has none, not even with "prefer". */
function usesTls(parameters: URLSearchParams): boolean {
  const mode = parameters.get('sslmode')
  if (mode !== null) return mode !== 'disable'
  const files = ['sslcert', 'sslkey', 'sslrootcert']
  return files.some((name) => parameters.has(name)) || ['true', '1'].includes(parameters.get('ssl') ?? '')
}

/** Names without a dot are of containers and the local network. */
const PRIVATE_NAME = /^[^.]+$|\.(?:internal|local|localhost|lan|svc|home\.arpa)$/i

function isPrivate(host: string): boolean {
  const isSocket = host.startsWith('/') || /^%2f/i.test(host)
  if (isSocket || isLoopback(host)) return true
  const literal = literalAddress({ hostname: host })
  return literal === undefined ? PRIVATE_NAME.test(host) : !isPublicAddress(literal)
}
