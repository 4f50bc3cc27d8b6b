/** Milliseconds on the clock that all processes of this machine share (CLOCK_MONOTONIC), whatever the wall clocks do. */
export const sharedNow = (): number => Number(process.hrtime.bigint()) / 1e6
