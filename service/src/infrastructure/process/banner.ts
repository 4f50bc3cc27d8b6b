import type { Config } from '../settings/config.ts'
import type { Storage } from '../storage/storage.ts'

/** The first steps, printed for the operator who has just started the service. */
export function banner(config: Config, storage: Storage, port: number, internalPort: number): string {
  const url = `http://localhost:${port}`
  const body = `{"username":"ann_example","email":"ann@example.org","password":"plum-kettle-orbit-91"}`
  const internalUrl = `http://${config.internalHost}:${internalPort}`
  const mailbox =
    config.mail.kind === 'mailbox'
      ? `\n    Mailbox    ${internalUrl}/mailbox  (mails to users, without SMTP_URL)`
      : ''
  return `
  chat-auth is ready.

    API        ${url}/v1
    Docs       ${url}/docs
    Internal   ${internalUrl}
    Keys       ${keys(storage)}${mailbox}
    Data       ${storage.location}

  Try it:

    curl -s ${url}/v1/users -H 'content-type: application/json' \\
      -d '${body}'

`
}

function keys({ keyFiles }: Storage): string {
  if (keyFiles === undefined) return 'one of SERVICE_KEYS, by its scopes'
  const { verifier, operator } = keyFiles
  return `${verifier}  (for services that verify tokens)\n               ${operator}  (for operators)`
}
