// Real processes of the service on one database, and verifiers that follow them.
import { onTestFinished } from 'vitest'
import { createVerifier, type Verifier } from '../../../verifier/src/index.ts'
import { optionsFor } from '../../../verifier/test/end-to-end/connected.ts'
import { ServiceProcess } from './service-process.ts'
import { testSecret } from './test-service.ts'

export const faultSettings = {
  AUTH_SECRET: testSecret,
  SERVICE_KEYS: 'service-key-of-the-tests-that-is-long',
  // What was ended in the first round must still be known in the last.
  ACCESS_TOKEN_TTL: '6h',
  // Nobody is there. So every event is kept, for whoever looks at what was told.
  WEBHOOK_URLS: 'http://127.0.0.1:9/',
  WEBHOOK_SECRETS: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  WEBHOOK_ALLOW_PRIVATE: 'true',
}

/** Gone at the end of the test, however that ends. */
export function startInstance(databaseUrl: string): Promise<ServiceProcess> {
  const service = new ServiceProcess({ ...faultSettings, DATABASE_URL: databaseUrl })
  onTestFinished(() => service.kill())
  return service.ready()
}

export const startTwo = (databaseUrl: string): Promise<[ServiceProcess, ServiceProcess]> =>
  Promise.all([startInstance(databaseUrl), startInstance(databaseUrl)])

/** How many requests of people it has answered as they wished, as its log tells. */
export const peopleServedBy = ({ logs }: ServiceProcess): number =>
  logs.filter(
    ({ event, route, status }) =>
      event === 'http.request' && /^\/v1\/(users|sessions)/.test(String(route)) && Number(status) < 300,
  ).length

/** A verifier that learns all it knows now. */
export async function withNewVerifier(
  instance: ServiceProcess,
  work: (verifier: Verifier) => Promise<void>,
): Promise<void> {
  const verifier = createVerifier(optionsFor(instance))
  try {
    await verifier.ready()
    await work(verifier)
  } finally {
    await verifier.close()
  }
}
