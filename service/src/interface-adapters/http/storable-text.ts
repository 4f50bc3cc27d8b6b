/** PostgreSQL cannot store U+0000 and lone surrogates, neither as text nor in JSON. */
export const isStorable = (text: string): boolean => text.isWellFormed() && !text.includes('\0')
