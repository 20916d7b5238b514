import { createHash, randomInt } from 'node:crypto'
import { copyFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { seeded } from '#src/faults/seeded'
import { openTestSystem, type TestSystem } from '#src/test-system'

const picture = fileURLToPath(new URL('../../stack/sample/herald-at-dusk.jpg', import.meta.url))
const kills = Number(process.env['HERALD_KILLS'] ?? (process.env['CI'] ? 20 : 5))

let system: TestSystem

beforeEach(async () => {
  system = await openTestSystem()
  await Promise.all([system.start('inbox'), system.start('converter')])
  await system.start('notifier')
})
afterEach(() => system.close())

test('herald convert, killed at any moment: every file under its final name is announced exactly once', {
  timeout: 60_000 + kills * 5000,
}, async () => {
  const sources = join(system.folder, 'in')
  const out = join(system.folder, 'out')
  mkdirSync(sources)
  mkdirSync(out)
  const convert = (name: string, started?: (pid: number) => void) => {
    copyFileSync(picture, join(sources, `${name}.jpg`))
    return system.herald(
      [
        ...['convert', join(sources, `${name}.jpg`), '--to', 'webp', '--width', '320'],
        ...['--out', out, '--notify', 'ada@example.com'],
      ],
      started,
    )
  }

  const times: number[] = []
  for (const name of ['warm-up', 'again', 'once-more']) {
    const before = performance.now()
    expect(await convert(name)).toMatchObject({ exitCode: 0 })
    times.push(performance.now() - before)
  }
  const usualMs = Math.min(...times)

  const seed = Number(process.env['HERALD_SEED'] ?? randomInt(2 ** 31))
  const next = seeded(seed)
  console.log(`seed ${seed}: ${kills} kills; a run takes ${Math.round(usualMs)} ms`)
  const killedAt: string[] = []
  let runs = 0
  while (killedAt.length < kills && runs < 5 * kills) {
    // The last third is where most can go wrong: saving, placing, publishing.
    const share = runs % 2 === 0 ? next() : 0.6 + 0.4 * next()
    let timer: NodeJS.Timeout | undefined
    const { exitCode } = await convert(`run-${runs++}`, (pid) => {
      timer = setTimeout(() => process.kill(pid, 'SIGKILL'), share * usualMs)
    })
    clearTimeout(timer)
    if (exitCode === null) killedAt.push(`${Math.round(100 * share)} %`)
  }
  console.log(
    `killed after ${killedAt.join(', ')} of a run's time; ${runs - kills} runs were faster`,
  )
  expect(killedAt).toHaveLength(kills)
  // The next one settles what the killed ones left; a person's mail is in order, so its own is the last.
  expect(await convert('last')).toMatchObject({ exitCode: 0 })
  expect(await system.herald(['outbox', 'flush'])).toMatchObject({ exitCode: 0 })
  const inbox = await system.inbox()
  await inbox.waitFor((mail) => mail.subject.includes('last.jpg'), 30_000)
  expect(await convert('end')).toMatchObject({ exitCode: 0 })
  await inbox.waitFor((mail) => mail.subject.includes('end.jpg'), 30_000)

  const files = readdirSync(out).sort()
  const mails = await inbox.list()
  console.log(`${files.length} files, ${mails.length} mails`)
  expect(files.filter((name) => !/^[a-z0-9-]+\.webp$/.test(name))).toEqual([])
  expect(mails.map((mail) => announcedName(mail.subject)).sort()).toEqual(
    files.map((name) => name.replace('.webp', '.jpg')),
  )
  for (const name of files) {
    const sha256 = createHash('sha256')
      .update(readFileSync(join(out, name)))
      .digest('hex')
    const mail = mails.find((each) => announcedName(each.subject) === name.replace('.webp', '.jpg'))
    expect(mail?.text).toContain(sha256)
  }
})

const announcedName = (subject: string) => /[a-z0-9-]+\.jpg/.exec(subject)?.[0]
