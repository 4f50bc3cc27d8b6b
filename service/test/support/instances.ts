// Starts real processes of the service on one database, and verifiers that follow them.
import { onTestFinished } from 'vitest'
import { createVerifier, type Verifier } from '../../../verifiers/node/src/index.ts'
import { optionsFor } from '../../../end-to-end/connected.ts'
import { ServiceProcess } from './service-process.ts'
import { testSecret } from './test-service.ts'
import { testServiceKeys } from './service-keys.ts'

export const faultSettings = {
  AUTH_SECRET: testSecret,
  SERVICE_KEYS: testServiceKeys,
  // Verifiers must still remember in the last round the sessions that ended in the first.
  ACCESS_TOKEN_TTL: '6h',
  // Users of the first round end their sessions in the last one.
  RECENT_AUTHENTICATION_TTL: '6h',
  // Nothing listens at this address, so every event stays in the outbox for the record checker.
  WEBHOOK_URLS: 'http://127.0.0.1:9/',
  WEBHOOK_SECRETS: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  WEBHOOK_ALLOW_PRIVATE: 'true',
}

/** Starts an instance. It is killed when the test ends, even if the test fails. */
export function startInstance(databaseUrl: string): Promise<ServiceProcess> {
  const service = new ServiceProcess({ ...faultSettings, DATABASE_URL: databaseUrl })
  onTestFinished(() => service.kill())
  return service.ready()
}

export const startTwo = (databaseUrl: string): Promise<[ServiceProcess, ServiceProcess]> =>
  Promise.all([startInstance(databaseUrl), startInstance(databaseUrl)])

/** How many user requests have succeeded, according to the log of the instance. */
export const requestsServedBy = ({ logs }: ServiceProcess): number =>
  logs.filter(
    ({ event, route, status }) =>
      event === 'http.request' && /^\/v1\/(users|sessions)/.test(String(route)) && Number(status) < 300,
  ).length

/** Runs `work` with a verifier that starts now, without earlier knowledge. */
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
