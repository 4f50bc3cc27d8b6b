/**
 * The secrets of this instance decrypt none of the signing keys in the database, so they are not those of the instances
 * before it. It must not make keys of its own: it would refuse the tokens of the others, and they would refuse its tokens.
 */
export class UnreadableSigningKeys extends Error {
  constructor(count: number) {
    super(
      `AUTH_SECRET decrypts none of the ${count} signing keys in the database, so it is not the secret they were made with. ` +
        'Set AUTH_SECRET as on the other instances, or restore the file auth-secret in DATA_DIR. If you are replacing the ' +
        'secret, put the earlier one in AUTH_SECRET_PREVIOUS. If it is lost, stop all instances and start one with ' +
        '--new-signing-keys: then all users have to sign in again.',
    )
    this.name = 'UnreadableSigningKeys'
  }
}
