// Sets the length of the fault tests. FAULT_ROUNDS=500 is a thorough run; the default is short enough for every run.
const given = Number(process.env['FAULT_ROUNDS'] || Number.NaN)

/** `share` is the fraction of FAULT_ROUNDS for faults that take long to recover from. */
export const faultRounds = (usual: number, share = 1): number =>
  Number.isNaN(given) ? usual : Math.max(1, Math.round(given * share))

/** A generous limit: it only ends a test that hangs. */
export const timeoutFor = (rounds: number, secondsEach = 30): number => 120_000 + rounds * secondsEach * 1_000
