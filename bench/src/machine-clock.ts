/** Milliseconds on the monotonic clock, which all processes of the machine share. */
export const machineMs = () => Number(process.hrtime.bigint()) / 1e6
