/** Lines of about 110 characters, so that generated data stay readable in a diff. */
export const wrapped = (words: readonly string[]): string =>
  words.reduce((text, word) => {
    const lineLength = text.length - text.lastIndexOf('\n')
    return text + (lineLength + word.length > 110 ? '\n' : ' ') + word
  })
