import type { Config } from './config.ts'
import type { Storage } from './storage.ts'

/** What a person who just started the service wants to know. */
export function banner(config: Config, storage: Storage, port: number, internalPort: number): string {
  const url = `http://localhost:${port}`
  const key =
    storage.serviceKeyPath === undefined ? 'one of SERVICE_KEYS' : `the key in ${storage.serviceKeyPath}`
  const body = `{"username":"ann_example","email":"ann@example.org","password":"plum-kettle-orbit-91"}`
  return `
  chat-auth is ready.

    API        ${url}/v1
    Docs       ${url}/docs
    Internal   http://${config.internalHost}:${internalPort}  (with ${key})
    Data       ${storage.place}

  Try it:

    curl -s ${url}/v1/users -H 'content-type: application/json' \\
      -d '${body}'

`
}
