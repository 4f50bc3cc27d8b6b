/** The viramas and invisible stackers (Indic_Syllabic_Category) of the scripts that usernames may have. */
const stackers = String.raw`[\u094D\u09CD\u0A4D\u0ACD\u0B4D\u0BCD\u0C4D\u0CCD\u0D4D\u0DCA\u1039\u17D2]`
const stacker = new RegExp(`^${stackers}$`, 'v')
const stacked = new RegExp(String.raw`(?<=${stackers})\p{L}`, 'gv')
const run = new RegExp(String.raw`(?:${stackers}\p{L}|\p{M}){2,}`, 'gv')

/**
 * A text in NFD with the marks of each letter in one order, each once, and then the consonants stacked on the letter.
 * The order in which they are typed often makes no difference to what is drawn, and canonical ordering leaves most marks
 * of Indic scripts where they are. The stackers keep their number: Devanagari `न्त्र` and `न्तर` are drawn differently.
 */
export const withSortedMarks = (text: string): string =>
  text.replace(run, (typed) => {
    const letters = typed.match(stacked) ?? []
    const marks = Array.from(typed.replace(stacked, '')).sort()
    const once = marks.filter((mark, index) => stacker.test(mark) || mark !== marks[index - 1])
    return [...once, ...letters.sort()].join('')
  })
