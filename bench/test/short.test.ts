import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'

const main = fileURLToPath(new URL('../dist/src/main.js', import.meta.url))
const run = promisify(execFile)

test('a short run measures a real converter and prints one JSON object per line', async () => {
  const { stdout } = await run(process.execPath, [main, 'convert-latency', '--short', '--json'])
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  const bounded = lines.filter(({ floor }) => floor !== undefined)
  expect(bounded.map(({ variant }) => variant)).toEqual(['webp', 'jpeg', 'avif'])
  expect(lines).toHaveLength(2 * bounded.length)
  for (const line of bounded) {
    expect(line).toMatchObject({
      bench: 'convert-latency',
      rival: 'bare sharp',
      floor: expect.stringMatching(/^<= /),
      goal: expect.stringMatching(/^<= /),
      met: expect.stringMatching(/^(goal|floor|none)$/),
      spread: [expect.any(Number), expect.any(Number)],
      guarantees: { ours: expect.any(String), theirs: expect.any(String) },
      versions: { node: process.versions.node },
    })
    expect(line.ratio).toBeGreaterThan(0)
  }
}, 120_000)

test('a missing rival fails only a run with --complete', async () => {
  const home = await mkdtemp(join(tmpdir(), 'herald-bench-home-'))
  onTestFinished(() => rm(home, { recursive: true, force: true }))
  const rivals = [main, 'convert-rivals', '--short']
  const options = { env: { ...process.env, HOME: home } }
  const { stdout } = await run(process.execPath, rivals, options)
  expect(stdout).toContain('imaginary is not installed')
  await expect(run(process.execPath, [...rivals, '--complete'], options)).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/imaginary is missing[\s\S]*sharp-cli is missing/),
  })
}, 120_000)

test('an unknown bench is refused with the names of all benches', async () => {
  await expect(run(process.execPath, [main, 'convert-latensy'])).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringContaining('convert-latency'),
  })
})
