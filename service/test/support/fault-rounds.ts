// How long the fault tests are. FAULT_ROUNDS=500 is a thorough run; without it they suit every run of the tests.
const given = Number(process.env['FAULT_ROUNDS'] || Number.NaN)

/** `share`: of FAULT_ROUNDS, for faults that take long to come back from. */
export const faultRounds = (usual: number, share = 1): number =>
  Number.isNaN(given) ? usual : Math.max(1, Math.round(given * share))

/** Generous: it only has to end. */
export const timeoutFor = (rounds: number, secondsEach = 30): number => 60_000 + rounds * secondsEach * 1_000
