import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { isRunning } from './processes.js'
import { waitFor } from './wait-for.js'

const program = fileURLToPath(new URL('../dist/test/preloads/guard-two.js', import.meta.url))

test('when a process is killed its guardian kills the groups that were added, and no other', async () => {
  const parent = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'ignore'] })
  const [line] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string]
  const { guarded, dropped, below } = JSON.parse(line) as Record<string, number>
  const all = [guarded, dropped, below].map((pid) => pid ?? 0)
  expect(all.filter(isRunning)).toEqual(all)
  parent.kill('SIGKILL')
  await once(parent, 'exit')
  await waitFor(() => expect([guarded, below].filter((pid) => isRunning(pid ?? 0))).toEqual([]))
  expect(isRunning(dropped ?? 0)).toBe(true)
  process.kill(-(dropped ?? Number.NaN), 'SIGKILL')
})

test('a program goes on after its guardian has ended', async () => {
  const guardian = new URL('../dist/src/children/guardian.js', import.meta.url)
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...['--input-type=module', '--eval'],
    `import { Guardian } from '${guardian}'; await new Guardian().close(); console.log('after')`,
  ])
  expect(stdout).toBe('after\n')
})
