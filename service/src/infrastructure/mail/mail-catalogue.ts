/**
 * Every mail, with the values that its templates may use. A template without one of `needs` would be useless, such as a
 * mail to reset a password without the link.
 */
export const mailCatalogue = {
  'verify-email': { needs: ['link', 'username'], may: [] },
  'address-in-use': { needs: [], may: ['username'] },
  'email-changed': { needs: ['link'], may: ['username', 'time', 'until'] },
  'email-change-undone': { needs: [], may: ['username', 'time'] },
  'reset-password': { needs: ['link', 'username'], may: [] },
  'password-changed': { needs: [], may: ['username', 'time'] },
  'new-sign-in': { needs: ['link'], may: ['username', 'device', 'address', 'time'] },
  'factor-added': { needs: [], may: ['username', 'factor', 'time'] },
  'factor-removed': { needs: [], may: ['username', 'factor', 'time'] },
  'device-signed-out': { needs: [], may: ['username', 'device', 'time'] },
} as const satisfies Record<string, { needs: readonly string[]; may: readonly string[] }>

export type MailName = keyof typeof mailCatalogue
export const MAIL_NAMES = Object.keys(mailCatalogue) as readonly MailName[]

/** The values that every template may use. */
export const COMMON_VALUES = ['brand', 'service_url'] as const

/** The values of one mail. */
export type MailValues<Name extends MailName> = Readonly<
  Record<(typeof mailCatalogue)[Name]['needs' | 'may'][number], string>
>
