import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openTestSystem, type TestSystem } from '#src/test-system'

const picture = fileURLToPath(new URL('../../stack/sample/herald-at-dusk.jpg', import.meta.url))

/** Every sync of the traced process takes a tenth of a second longer. */
const slowly = ['-f', '-o', '/dev/null', '-e', 'trace=fdatasync,fsync']
const delay = ['-e', 'inject=fdatasync,fsync:delay_enter=100000']
const works = spawnSync('strace', [...slowly, ...delay, 'true'])
const leftOut =
  works.status === 0
    ? ''
    : ` (left out: strace does not run here: ${works.error?.message ?? works.stderr.toString().trim()})`

describe.skipIf(leftOut !== '')(`on a disk that is slow to sync${leftOut}`, () => {
  let system: TestSystem

  beforeEach(async () => {
    system = await openTestSystem()
    await Promise.all([system.start('inbox'), system.start('converter')])
    await system.start('notifier')
  })
  afterEach(() => system.close())

  test('what was converted is announced and mailed once, also when the client and the notifier are killed', {
    timeout: 120_000,
  }, async () => {
    const out = join(system.folder, 'out')
    mkdirSync(out)
    const convert = (name: string, started?: (pid: number) => void) =>
      system.herald(
        [
          'convert',
          picture,
          '--to',
          'webp',
          '--width',
          '64',
          '--notify',
          `${name}@example.com`,
        ].concat(['--out', join(out, name), '--json']),
        started,
        ['strace', ...slowly, ...delay],
      )
    const slowNotifier = () =>
      spawn('strace', [...slowly, ...delay, '-p', String(system.pid('notifier'))], {
        stdio: 'ignore',
      })

    const tracer = slowNotifier()
    for (const name of ['a', 'b', 'c']) {
      expect(await convert(name)).toMatchObject({ exitCode: 0 })
    }
    // The client is killed while it waits for a sync: strace goes first, and its child with it.
    const { exitCode } = await convert('d', (pid) => {
      setTimeout(() => spawnSync('pkill', ['-9', '-P', String(pid)]), 900)
    })
    await system.stop('notifier', 'SIGKILL')
    tracer.kill()
    await system.start('notifier')
    expect(await system.herald(['outbox', 'flush'])).toMatchObject({ exitCode: 0 })

    const inbox = await system.inbox()
    const made = readdirSync(out, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.webp'))
      .map((name) => name.slice(0, 1))
      .sort()
    console.log(`the killed client ended with ${exitCode}; files of ${made.join(', ')}`)
    expect(made).toEqual(expect.arrayContaining(['a', 'b', 'c']))
    for (const name of made) {
      await inbox.waitFor((mail) => mail.recipients.includes(`${name}@example.com`), 30_000)
    }
    await system.stop('notifier')
    const mails = (await inbox.list()).map((mail) => mail.recipients[0]?.slice(0, 1))
    // As many as it has connections may have been between the 354 and the ledger when it was killed.
    expect(new Set(mails)).toEqual(new Set(made))
    expect(mails.length).toBeLessThanOrEqual(made.length + 4)
  })
})
