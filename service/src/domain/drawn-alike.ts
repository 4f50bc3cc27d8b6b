/** A text in NFD with one form for what fonts draw alike. Comparing drawn names found these; confusables.txt lacks them. */
export const withoutDrawnAlike = (text: string): string =>
  drawnAlike.reduce((mapped, [drawn, form]) => mapped.replace(drawn, form), text)

const drawnAlike: readonly (readonly [drawn: RegExp, form: string])[] = [
  // Bengali ra is ba with a dot, and Assamese ra is the same in a cluster.
  [/[\u09B0\u09F0]/g, '\u09AC\u09BC'],
  [/\u0A5C/g, '\u0A21\u0A3C'],
  // On some letters the Gurmukhi tippi is drawn as a bindi.
  [/\u0A70/g, '\u0A02'],
  // Vocalic r on ra, in Devanagari and Kannada: the sign, or the vowel with a reph.
  [/\u094D\u090B/g, '\u0943'],
  [/\u0CCD\u0C8B/g, '\u0CC3'],
  // Gujarati o, candra o and au under a reph: one letter, or a with a sign.
  [/\u0ACD\u0A91/g, '\u0ACD\u0A85\u0AC9'],
  [/\u0ACD\u0A93/g, '\u0ACD\u0A85\u0ACB'],
  [/\u0ACD\u0A94/g, '\u0ACD\u0A85\u0ACC'],
  // Sinhala lla with the long u, or with the short u and a sign that is drawn as its rest.
  [/(?<=\u0DC5)\u0DD4\u0DD1/g, '\u0DD6'],
  // Under a vowel above the letter, the Khmer register shifters are drawn as the vowel u.
  [/[\u17C9\u17CA]/g, '\u17BB'],
  // Thai and Lao am, as one character or as its parts.
  [/\u0E33/g, '\u0E4D\u0E32'],
  [/\u0EB3/g, '\u0ECD\u0EB2'],
  // African feh, qaf and noon lose their dots where they join no letter after them. Hamza joins none.
  [/\u08BB(?=\p{M}*[\p{L}--[\u0621\u0674]])/gv, '\u06A2'],
  [/\u08BC(?=\p{M}*[\p{L}--[\u0621\u0674]])/gv, '\u0641'],
  [/\u08BD(?=\p{M}*[\p{L}--[\u0621\u0674]])/gv, '\u0646'],
  [/\u08BD/g, '\u06BA'],
]
