// Writes every mail with example values into a folder, with the settings of .env: npm run mails -- FOLDER
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { MailTemplates } from '../../service/src/infrastructure/mail/mail-templates.ts'
import { MAIL_NAMES } from '../../service/src/infrastructure/mail/mail-catalogue.ts'
import { readConfig } from '../../service/src/infrastructure/settings/config.ts'
import { loadEnvironment } from '../../service/src/infrastructure/settings/environment.ts'
import { SettingsError } from '../../service/src/infrastructure/settings/settings-reader.ts'

const [folder] = process.argv.slice(2)
if (folder === undefined) fail('Name the folder: npm run mails -- FOLDER')

const config = readConfig(loadEnvironment().environment)
const templates = config.mail.kind === 'off' ? undefined : config.mail.templates
const mails = await MailTemplates.load({ ...config, templates }).catch((error: unknown) => {
  if (error instanceof SettingsError) return fail(error.message)
  throw error
})

/** Each template uses some of them. */
const values = {
  username: 'anna_example',
  link: `${config.publicUrl}/page#token=AQ4Xq9QBAAAAAAAAACoAAGmkOFAAAAAAAAAAAAAAAAAAAAADkz0m7nVQxw2pV0cYp1d6uA`,
  device: 'Firefox on Linux',
  address: '203.0.113.7',
  factor: 'an authenticator app',
  time: '1 December 2026, 11:02 UTC',
  until: '8 March 2026, 12:00 UTC',
}

await mkdir(folder, { recursive: true })
for (const name of MAIL_NAMES) {
  const { subject, html, text } = mails.render(name, values)
  await writeFile(join(folder, `${name}.html`), html)
  await writeFile(join(folder, `${name}.txt`), `Subject: ${subject}\n\n${text}`)
}
console.log(`${MAIL_NAMES.length} mails are in ${folder}`)

function fail(message: string): never {
  console.error(message)
  process.exit(1)
}
