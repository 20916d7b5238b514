import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runProgramFile } from './run-program.js'
import { scratchFolder } from './scratch-folder.js'

const writes = 20
const works = spawnSync('strace', ['-f', '-o', '/dev/null', 'true'])
const leftOut =
  works.status === 0
    ? ''
    : ` (left out: strace does not work here: ${works.error?.message ?? works.stderr.toString().trim()})`

// kill -9 does not reveal a missing sync, because the kernel keeps the data: so the calls are traced.
test.skipIf(leftOut !== '')(
  `each write is synced before it is acknowledged: its data, then the meta page${leftOut}`,
  async () => {
    const folder = scratchFolder()
    const trace = join(folder, 'trace')
    const calls = 'trace=fdatasync,fsync,openat,pwrite64,pwritev,write'
    const program = runProgramFile('store-sequence', [join(folder, 'data'), String(writes)], {
      under: ['strace', '-f', '-y', '-o', trace, '-e', calls],
    })
    expect(await program.ended, program.stderr()).toEqual({ code: 0, signal: null })

    const lines = readFileSync(trace, 'utf8').split('\n')
    // LMDB writes the meta page through a descriptor of its own, whose writes return when synced.
    const opened = lines.find((line) => /openat\(.*data\.mdb".*O_DSYNC/.test(line))
    const meta = opened?.match(/= (\d+)</)?.[1]
    expect(meta, 'a descriptor with O_DSYNC on the data file').toBeDefined()

    let acknowledged = 0
    let dataSynced = false
    let metaSynced = false
    for (const line of lines) {
      if (/(pwrite64|pwritev|write)\(\d+<[^>]*data\.mdb>/.test(line)) {
        const isMeta = line.includes(`pwrite64(${meta}<`)
        metaSynced = isMeta && dataSynced
        if (!isMeta) dataSynced = false
      } else if (/(fdatasync|fsync)(\(\d+<[^>]*data\.mdb>| resumed).*= 0$/.test(line)) {
        dataSynced = true
      } else if (line.includes('"acknowledged ')) {
        expect(metaSynced, `synced before "acknowledged ${acknowledged}"`).toBe(true)
        acknowledged += 1
        dataSynced = false
        metaSynced = false
      }
    }
    expect(acknowledged).toBe(writes)
    // The folders of a new store are synced as well, or a power loss could remove it.
    expect(
      lines.filter((line) => /fsync\(\d+<[^>]*\/data(\/store)?>\) += 0$/.test(line)),
    ).toHaveLength(2)
  },
)

test.skipIf(leftOut !== '')(`concurrent writes share a sync${leftOut}`, async () => {
  const folder = scratchFolder()
  const trace = join(folder, 'trace')
  const program = runProgramFile('store-sequence', [join(folder, 'data'), '1000', 'at once'], {
    under: ['strace', '-f', '-o', trace, '-e', 'trace=fdatasync'],
  })
  expect(await program.ended, program.stderr()).toEqual({ code: 0, signal: null })
  expect(program.stdout().trimEnd().split('\n')).toHaveLength(1000)
  const syncs = readFileSync(trace, 'utf8').match(/fdatasync\(/g)?.length ?? 0
  expect(syncs).toBeGreaterThan(0)
  expect(syncs).toBeLessThan(50)
})
