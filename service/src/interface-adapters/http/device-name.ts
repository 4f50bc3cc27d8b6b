import { isUtf8 } from 'node:buffer'
import Bowser from 'bowser'
import type { FastifyRequest } from 'fastify'
import { DEVICE_NAME_LIMIT } from '../../domain/device.ts'

const USER_AGENT_LIMIT = 512

export const userAgent = (request: FastifyRequest): string =>
  cut(withoutControls(inUtf8(request.headers['user-agent'] ?? '')), USER_AGENT_LIMIT)

/** A name for the device that its owner recognises, such as "Firefox on Linux". */
export function deviceName(agent: string): string {
  const { browser, os } = agent === '' ? { browser: {}, os: {} } : Bowser.parse(agent)
  const parts = [browser.name, os.name].filter((part) => part !== undefined && part !== '')
  const name = parts.length > 0 ? parts.join(' on ') : (agent.split('/')[0] ?? '')
  return cut(name, DEVICE_NAME_LIMIT).trim() || 'Unknown device'
}

/** Node reads headers as Latin-1 (RFC 9110, 5.5, leaves other bytes to the receiver), clients mostly write UTF-8. */
function inUtf8(header: string): string {
  const bytes = Buffer.from(header, 'latin1')
  return isUtf8(bytes) ? bytes.toString() : header
}

/** The database stores no half of a character. */
const cut = (text: string, limit: number): string => text.slice(0, limit).replace(/\p{Cs}$/u, '')

/** A header may hold control characters, which a terminal that shows the name would obey. */
const withoutControls = (text: string): string => text.replace(/[\p{C}\p{Z}]+/gu, ' ').trim()
