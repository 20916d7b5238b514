import { writeSync } from 'node:fs'
import { openBell } from '#src/store/bell'

/** Prints when the bell rang: nanoseconds of the monotonic clock, one line each. */
const [path = ''] = process.argv.slice(2)
openBell(path).listen(() => writeSync(1, `${process.hrtime.bigint()}\n`), { pollMs: 60_000 })
writeSync(1, 'listening\n')
// A watch alone does not keep the process alive.
setInterval(() => {}, 60_000)
