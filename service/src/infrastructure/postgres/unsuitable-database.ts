/** The database, its settings or what leads to it cannot carry the service. The message says what to change. */
export class UnsuitableDatabase extends Error {
  override readonly name = 'UnsuitableDatabase'
}
