/** Keys of the advisory locks this service takes, in one place so that no two meet by accident. */
export const advisoryLocks = {
  migrations: 7_224_560_001,
  signingKeys: 7_224_560_002,
  dispatch: 7_224_560_003,
} as const
