import * as http from 'node:http'
import * as https from 'node:https'
import { z } from 'zod'
import type { Finding } from '../../interface-adapters/http/internal/finding.ts'
import { forwardedAddress } from '../../interface-adapters/http/forwarded-address.ts'
import { PROBE_HEADER, type SeenProbe } from '../../interface-adapters/http/seen-probe.ts'
import type { Config } from '../settings/config.ts'
import { ok, warning } from './finding.ts'

/** For documentation (RFC 5737), so no client has it. */
const MADE_UP = '192.0.2.77'
/** Less than an operator waits, more than a few proxies take. */
const TIME_LIMIT_MS = 3_000
const SIZE_LIMIT_BYTES = 16 * 1024

const seenProbe: z.ZodType<SeenProbe> = z.object({
  client: z.string(),
  forwarded: z.array(z.string()),
  peer: z.string(),
})

/** How the probe arrived, and from which address it was sent. */
interface Journey {
  readonly seen: SeenProbe
  readonly sender: { readonly address: string | undefined; readonly port: number | undefined }
}

/**
 * Sends a request with a made-up `X-Forwarded-For` through `PUBLIC_URL`. If the service takes this address for the client's, a
 * trusted proxy passes on the header of clients, and anybody can choose the address that limits and the audit log see.
 */
export async function forgedAddressFindings(
  { publicUrl, trustedProxies }: Pick<Config, 'publicUrl' | 'trustedProxies'>,
  proof: string,
): Promise<readonly Finding[]> {
  // Then the service ignores the header.
  if (trustedProxies.length === 0) return []
  try {
    return [judge(await probe(publicUrl, proof))]
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return [
      ok(
        'proxies',
        `not checked whether a made-up X-Forwarded-For is believed: PUBLIC_URL does not lead here from this machine (${code ?? message})`,
      ),
    ]
  }
}

function judge({ seen, sender }: Journey): Finding {
  const { client, forwarded, peer } = seen
  const isDirect = peer === `${sender.address ?? ''} ${sender.port ?? ''}`
  if (isDirect) return ok('proxies', 'PUBLIC_URL leads here without a proxy from this machine')
  // A proxy has added the address of this machine, which counts as trusted because a proxy runs on it, too.
  const isAdded = forwarded.at(forwarded.lastIndexOf(MADE_UP) + 1) === sender.address
  if (client !== MADE_UP || isAdded) return ok('proxies', 'a made-up X-Forwarded-For is not believed')
  return warning(
    'proxies',
    'a proxy in TRUSTED_PROXIES passes on the X-Forwarded-For that clients send, so anybody can choose the address that limits and the audit log see',
    'Let the outermost proxy replace the header with the address of its peer: in nginx, proxy_set_header X-Forwarded-For $remote_addr.',
  )
}

function probe(publicUrl: string, proof: string): Promise<Journey> {
  const target = new URL(`${publicUrl}/health/live`)
  const { request } = target.protocol === 'https:' ? https : http
  return new Promise((resolve, reject) => {
    let sender: Journey['sender'] = { address: undefined, port: undefined }
    const sent = request(target, {
      headers: { [PROBE_HEADER]: proof, 'x-forwarded-for': MADE_UP },
      maxHeaderSize: SIZE_LIMIT_BYTES,
      agent: false,
      signal: AbortSignal.timeout(TIME_LIMIT_MS),
    })
    sent.on('socket', (socket) =>
      socket.on('connect', () => {
        sender = { address: forwardedAddress(socket.localAddress), port: socket.localPort }
      }),
    )
    sent.on('error', reject)
    sent.on('response', (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => {
        text += part
        if (text.length > SIZE_LIMIT_BYTES) response.destroy()
      })
      response.on('error', reject)
      response.on('close', () => {
        const seen = readSeen(text)
        if (seen === undefined) reject(new Error(`status ${response.statusCode ?? 0} from another service`))
        else resolve({ seen, sender })
      })
    })
    sent.end()
  })
}

function readSeen(text: string): SeenProbe | undefined {
  try {
    return seenProbe.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}
