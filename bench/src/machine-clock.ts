/** Milliseconds on a clock that all processes of the machine share; it is never set. */
export const machineMs = () => Number(process.hrtime.bigint()) / 1e6
