import { expect, test } from 'vitest'
import { proxyFindings } from '../../../src/infrastructure/doctor/proxy-findings.ts'

test('the doctor names up to five proxies that are not trusted', () => {
  expect(proxyFindings([])).toMatchObject([{ check: 'proxies', status: 'ok' }])
  const peers = Array.from({ length: 7 }, (_, number) => `198.51.100.${number}`)
  const [one] = proxyFindings(peers.slice(0, 1))
  expect(one).toMatchObject({ check: 'proxies', status: 'warning' })
  expect(one?.detail).toContain('198.51.100.0, not in TRUSTED_PROXIES')
  expect(proxyFindings(peers)[0]?.detail).toContain('198.51.100.4 and 2 more, not in TRUSTED_PROXIES')
})
