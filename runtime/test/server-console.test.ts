import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { runProgramFile } from './run-program.js'
import { scratchFolder } from './scratch-folder.js'

const patience = { timeout: 60_000 }

test('a second Ctrl-C ends a server that does not stop', async () => {
  const data = join(scratchFolder(), 'a/b')
  const running = runProgramFile('stuck-server-console', ['--data', data])
  await vi.waitFor(() => expect(running.stderr()).toContain('ready on 1234'), patience)
  expect(existsSync(data)).toBe(true)
  running.child.kill('SIGINT')
  await vi.waitFor(() => expect(running.stderr()).toContain('Stopping Stuck …'), patience)
  running.child.kill('SIGINT')
  expect(await running.ended).toEqual({ code: 1, signal: null })
})

test.each([
  [['--port', '65536'], 1, '--port 65536 is not a port: expected a number from 1 to 65535.'],
  [['--port', '0'], 1, '--port 0 is not a port'],
  [['--port', 'http'], 1, '--port http is not a port'],
  [['--prot', '1'], 1, "Unknown option '--prot'"],
  [['--data', '/proc/x'], 1, 'no folder can be created in /proc'],
  [['--help'], 0, 'Usage: npm run stuck [-- --port 1234 --data'],
])('called with %j it exits with %i and says why', async (words, code, text) => {
  const { ended, stderr } = runProgramFile('stuck-server-console', words)
  expect(await ended).toEqual({ code, signal: null })
  expect(stderr()).toContain(text)
})
