import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTerminal } from '@herald/runtime/terminal'
import { expect, onTestFinished, test } from 'vitest'
import { mailsCommand } from '#src/mail/mails-command'

const silent = { write: () => true }
const write = (out: string) =>
  mailsCommand({ out, templates: undefined }, { terminal: createTerminal(silent, silent, {}) })

test('the sample mails are written to a new folder, and a folder that cannot be created is reported', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'herald-mails-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  expect(await write(join(folder, 'a/b'))).toBe(0)
  expect(await readdir(join(folder, 'a/b'))).toContain('failed.ru.html')
  await writeFile(join(folder, 'file'), '')
  await expect(write(join(folder, 'file/mails'))).rejects.toMatchObject({
    code: 'HERALD_CANNOT_WRITE',
    publicMessage: expect.stringContaining(join(folder, 'file/mails')),
  })
})
