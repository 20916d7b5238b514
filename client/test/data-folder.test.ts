import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTerminal } from '@herald/runtime/terminal'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { createProgram } from '../src/program.js'
import { gradient } from './pictures.js'
import { readTopic } from './read-topic.js'
import { type RealConverter, startConverter } from './real-converter.js'

let converter: RealConverter
beforeAll(async () => {
  converter = await startConverter()
})
afterAll(() => converter.close())

/** A user without a HERALD_ variable; `herald` runs in this process. */
async function user() {
  const home = await mkdtemp(join(tmpdir(), 'herald-home-'))
  onTestFinished(() => rm(home, { recursive: true, force: true }))
  const state = join(home, 'state')
  await mkdir(state)
  const herald = async (...args: string[]) => {
    let stderr = ''
    const terminal = createTerminal(
      { write: () => {} },
      {
        write(text) {
          stderr += text
        },
      },
      {},
    )
    const status = await createProgram({
      env: { XDG_STATE_HOME: state, HERALD_CONVERTER: converter.address },
      terminal,
      stdin: process.stdin,
      stdout: process.stdout,
      signal: new AbortController().signal,
    }).run(args)
    return { status, stderr }
  }
  return { home, state, herald }
}

test('commands that only ask leave nothing behind', async () => {
  const { state, herald } = await user()
  await herald('formats')
  await herald('outbox')
  await herald('outbox', 'flush')
  await herald('why', '0195d6f2-0000-7000-8000-000000000000')
  expect(await readdir(state)).toEqual([])
})

test('an announcement goes to the one broker of the user; as long as no consumer has read there, the command says so', async () => {
  const { home, state, herald } = await user()
  const file = join(home, 'a.png')
  await writeFile(file, gradient(32, 24))
  const convert = () => herald('convert', file, '--to', 'webp', '--force', '-n', 'ada@example.com')
  expect(await convert()).toMatchObject({
    status: 0,
    stderr: expect.stringMatching(
      /^! No notifier has ever read the topic notifications.*npm start/,
    ),
  })
  const url = `embedded:${join(state, 'herald', 'broker')}`
  // It joins the topic.
  expect(await readTopic(url)).toHaveLength(1)
  expect(await convert()).toEqual({ status: 0, stderr: '' })
})
