import { describe, expect, test } from 'vitest'
import { SCOPES, type ServiceKey } from '../../../src/domain/service-key.ts'
import { serviceKeyFindings } from '../../../src/infrastructure/doctor/service-key-findings.ts'

const all: ServiceKey = { name: 'operator', scopes: SCOPES, secret: 'a-secret-of-the-operator-1' }
const verifier: ServiceKey = { name: 'verifier', scopes: ['verify'], secret: 'a-secret-of-the-verifier-1' }
const rest = SCOPES.filter((scope) => scope !== 'verify')
const operator: ServiceKey = { ...all, scopes: rest }

const findings = (serviceKeys: readonly ServiceKey[], internalHost = '127.0.0.1') =>
  serviceKeyFindings({ serviceKeys }, { internalHost })

describe('the doctor, about service keys', () => {
  test.each([
    ['the two keys of the embedded service on loopback', [all, verifier], '127.0.0.1'],
    ['separate keys on loopback', [operator, verifier], '::1'],
    ['separate keys in a network', [operator, verifier], '0.0.0.0'],
    ['one key that only verifies', [verifier], '0.0.0.0'],
    ['no keys', [], '0.0.0.0'],
  ])('the doctor accepts %s', { tags: ['ACCESS-6'] }, (_, keys, host) => {
    expect(findings(keys, host)).toMatchObject([{ check: 'service_keys', status: 'ok' }])
  })

  test('the doctor warns if the only service key has every scope', { tags: ['ACCESS-6'] }, () => {
    expect(findings([all])).toMatchObject([
      {
        check: 'service_keys',
        status: 'warning',
        detail: expect.stringMatching(/^the only key, operator, /) as string,
      },
    ])
  })

  test(
    'the doctor warns if a key with every scope can be used from elsewhere',
    { tags: ['ACCESS-6'] },
    () => {
      expect(findings([verifier, all], '0.0.0.0')).toMatchObject([
        { status: 'warning', detail: expect.stringContaining('INTERNAL_HOST=0.0.0.0') as string },
      ])
    },
  )

  test('the doctor shows no secret of a service key', () => {
    for (const host of ['127.0.0.1', '0.0.0.0'])
      expect(JSON.stringify(findings([all], host))).not.toContain(all.secret)
  })
})
