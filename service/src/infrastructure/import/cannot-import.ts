/** The import cannot start or continue. The message is for the operator at the terminal and says what to do. */
export class CannotImport extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'CannotImport'
  }
}
