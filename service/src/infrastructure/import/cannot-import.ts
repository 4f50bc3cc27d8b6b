/** The import cannot begin or go on. The message is written for the person at the terminal and says what to do. */
export class CannotImport extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'CannotImport'
  }
}
