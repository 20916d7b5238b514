import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openStore } from '#src/store/store'
import { runProgramFile } from './run-program.js'
import { scratchFolder } from './scratch-folder.js'

const reported = (stdout: string) =>
  stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))

const named = (what: string) =>
  hasSetpriv ? what : `${what} (left out: root may write anywhere, and there is no setpriv)`

test.each([
  ['text', 'this is no store, it only stands where one should be'],
  ['a few bytes', 'abc'],
  ['nothing but zeros', Buffer.alloc(8192)],
])('a file that is not a store (%s) is refused with a sentence, not a crash', (_, content) => {
  const folder = scratchFolder()
  mkdirSync(join(folder, 'store'))
  writeFileSync(join(folder, 'store', 'data.mdb'), content)
  expect(() => openStore(folder)).toThrow(
    expect.objectContaining({
      code: 'STORE_DAMAGED',
      message: expect.stringMatching(
        /is not a store\. Restore a backup of the folder, or move it away/,
      ),
    }),
  )
})

test('an empty file becomes a new store', async () => {
  const folder = scratchFolder()
  mkdirSync(join(folder, 'store'))
  writeFileSync(join(folder, 'store', 'data.mdb'), '')
  const store = openStore(folder)
  await store.write(() => store)
  await store.close()
})

test('a file with the name of the folder is named', () => {
  const path = join(scratchFolder(), 'file')
  writeFileSync(path, '')
  expect(() => openStore(path)).toThrow(
    `The store in ${path} cannot be opened: a file has the name of a folder.`,
  )
})

// Root may write anywhere, unless that right is taken from it.
const under = process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-dac_override'] : []
const hasSetpriv = under.length === 0 || spawnSync('setpriv', ['--version']).status === 0

test.skipIf(!hasSetpriv)(
  named('a folder that cannot be written is named, with what to do'),
  async () => {
    const folder = scratchFolder()
    chmodSync(folder, 0o555)
    const program = runProgramFile('store-open', [join(folder, 'data')], { under })
    await program.ended
    expect(reported(program.stdout()), program.stderr()).toEqual([
      {
        name: 'StoreError',
        code: 'STORE_NOT_WRITABLE',
        message: `The store in ${join(folder, 'data')} cannot be opened: permission denied. Allow this user to write there, or choose another folder.`,
      },
    ])
  },
)

test.skipIf(process.platform === 'win32')(
  'if the disk fails, the write rejects with a sentence, earlier writes are kept, and later ones work',
  async () => {
    const folder = join(scratchFolder(), 'data')
    // A limit on the size of files (in blocks of 512 bytes) acts like a full disk.
    const under = ['sh', '-c', 'trap "" XFSZ; ulimit -f 4000; exec "$@"', 'sh']
    const program = runProgramFile('store-fill', [folder], { under })
    expect(await program.ended, program.stderr()).toEqual({ code: 0, signal: null })
    const [error, state, after] = reported(program.stdout())
    expect(error).toMatchObject({ name: 'StoreError', code: 'STORE_FAILED' })
    expect(error.message).toMatch(/was not written: the disk failed .* may be full or defective/)
    expect(state.kept).toBeGreaterThan(10)
    expect(state.found).toBe(state.kept)
    expect(after).toEqual({ found: 1 })
  },
)
