import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openHome } from './home.js'
import { gradient } from './pictures.js'
import { readTopic } from './read-topic.js'
import { type RealConverter, startConverter } from './real-converter.js'

let converter: RealConverter
beforeAll(async () => {
  converter = await startConverter()
})
afterAll(() => converter.close())

test('commands that only ask leave nothing behind', async () => {
  const { state, herald } = await openHome(converter.address)
  await herald('formats')
  await herald('outbox')
  await herald('outbox', 'flush')
  await herald('why', '0195d6f2-0000-7000-8000-000000000000')
  expect(await readdir(state)).toEqual([])
})

test('an announcement goes to the user’s own broker; a warning is printed until a consumer has read there', async () => {
  const { home, brokerUrl, herald } = await openHome(converter.address)
  const file = join(home, 'a.png')
  await writeFile(file, gradient(32, 24))
  const convert = () => herald('convert', file, '--to', 'webp', '--force', '-n', 'ada@example.com')
  expect(await convert()).toMatchObject({
    status: 0,
    stderr: expect.stringMatching(
      /^! No notifier has ever read the topic notifications.*npm start/,
    ),
  })
  // It joins the topic.
  expect(await readTopic(brokerUrl)).toHaveLength(1)
  expect(await convert()).toMatchObject({ status: 0, stderr: '' })
})
