import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, rmSync, utimesSync, watch, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { processName, thisProcess } from '#src/process-identity'
import { openStore } from '#src/store/store'
import { runProgramFile } from './run-program.js'
import { scratchFolder } from './scratch-folder.js'

const { scope } = thisProcess
/** A file of the parent process: alive, and not this one. */
const signOfParent = (kind: string) => `${kind}-${scope}-${process.ppid}-`

// strace delays an opener when it reads the last commit, long enough for others to commit.
const slowly = ['strace', '-f', '-o', '/dev/null', '-e', 'trace=pread64']
slowly.push('-e', 'inject=pread64:delay_exit=50000')
const works = spawnSync(slowly[0] as string, [...slowly.slice(1), 'true'])
const leftOut =
  works.status === 0
    ? ''
    : ` (left out: strace does not run here: ${works.error?.message ?? works.stderr.toString().trim()})`

test.skipIf(leftOut !== '')(
  `opening a store beside a busy writer loses none of its commits${leftOut}`,
  async () => {
    const folder = scratchFolder()
    const writer = runProgramFile('store-counter', [folder])
    await vi.waitFor(() => expect(writer.stdout()).toContain('counting'), { timeout: 60_000 })
    for (let round = 0; round < 3; round += 1) {
      const opener = runProgramFile('store-open', [folder], { under: slowly })
      expect(await opener.ended, opener.stderr()).toEqual({ code: 0, signal: null })
      expect(opener.stdout()).toContain('wrote')
    }
    writer.child.kill('SIGTERM')
    expect(await writer.ended, writer.stderr()).toEqual({ code: 0, signal: null })
    const { count, lost } = JSON.parse(writer.stdout().split('\n')[1] as string)
    expect(count).toBeGreaterThan(50)
    expect(lost).toBe(0)
  },
)

test('an opener waits for another opener', async () => {
  const folder = scratchFolder()
  await openStore(folder).close()
  const gate = join(folder, 'gate')
  // The parent process is alive, and here it is the opener.
  const sign = join(gate, signOfParent('opening'))
  writeFileSync(sign, '')
  const shown: (string | null)[] = []
  const watcher = watch(gate, (_, name) => shown.push(name))
  onTestFinished(() => watcher.close())
  const opener = runProgramFile('store-open', [folder])
  // It tries and gives way repeatedly; one that entered would try at most twice.
  const times = () =>
    shown.filter((name) => name?.startsWith(`opening-${scope}-${opener.child.pid}-`)).length
  await vi.waitFor(() => expect(times()).toBeGreaterThan(20), { timeout: 60_000 })
  expect(opener.stdout()).toBe('')
  rmSync(sign)
  expect(await opener.ended, opener.stderr()).toEqual({ code: 0, signal: null })
  expect(opener.stdout()).toContain('wrote')
})

test('files of dead processes in the gate block nobody and are removed', async () => {
  const folder = scratchFolder()
  await openStore(folder).close()
  const dead = ['opening', 'writing'].map((kind) => `${kind}-${scope}-4194304-1`)
  dead.push(`opening-${scope}-${process.pid}-1`)
  for (const name of dead) writeFileSync(join(folder, 'gate', name), '1')
  const store = openStore(folder)
  const table = store.table<number, string>('t')
  await store.write(() => table.put('a', 1))
  expect(table.get('a')).toBe(1)
  await store.close()
  expect(readdirSync(join(folder, 'gate'))).toEqual([])
})

test('a writer waits for an opener, and its writes keep their order', async () => {
  const folder = scratchFolder()
  const store = openStore(folder)
  const table = store.table<number, string>('t')
  // The parent process is alive, and here it is the opener.
  const sign = join(folder, 'gate', signOfParent('opening'))
  writeFileSync(sign, '')
  const order: number[] = []
  const write = (number: number) =>
    store.write(() => table.put(`${number}`, number)).then(() => order.push(number))
  const writes = [0, 1, 2].map(write)
  // Meanwhile the event loop runs: these are several turns of it.
  for (let turns = 0; turns < 20; turns += 1) await readFile(sign)
  writes.push(write(3))
  expect(order).toEqual([])
  expect(table.count()).toBe(0)
  rmSync(sign)
  await Promise.all(writes)
  expect(order).toEqual([0, 1, 2, 3])
  await store.close()
})

test('a writer waits for an opener of another PID namespace while its file is fresh', async () => {
  const folder = scratchFolder()
  await openStore(folder).close()
  const store = openStore(folder)
  onTestFinished(() => store.close())
  const table = store.table<number, string>('t')
  // Its pid is not valid here: it must not be taken for dead.
  const elsewhere = processName.replace(/\d+-\d+-\d*$/, '1-4194304-1')
  const sign = join(folder, 'gate', `opening-${elsewhere}`)
  writeFileSync(sign, '')
  const written = store.write(() => table.put('a', 1))
  for (let turns = 0; turns < 20; turns += 1) await readFile(sign)
  expect(table.count()).toBe(0)
  // It was killed, which cannot be seen from here.
  utimesSync(sign, 0, 0)
  await written
  expect(table.get('a')).toBe(1)
  expect(existsSync(sign)).toBe(true)
})
