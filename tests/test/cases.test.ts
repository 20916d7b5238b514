import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openTestSystem, type TestSystem } from '#src/test-system'
import { type Check, copyInputs, missing, pdfInfo, pdfText, readCases } from './cases/case.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
const bin = join(root, 'client/bin/herald.js')

let system: TestSystem
beforeAll(async () => {
  system = await openTestSystem()
  await system.start('converter')
})
afterAll(() => system.close())

/** Runs the CLI in `cwd`, announcing nothing. */
function herald(args: readonly string[], cwd: string) {
  return new Promise<{ exit: number | null; stderr: string }>((resolve) => {
    const child = execFile(
      process.execPath,
      [bin, ...args],
      { cwd, env: system.env },
      (_, __, stderr) => resolve({ exit: child.exitCode, stderr }),
    )
  })
}

const allFiles = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1))

for (const each of readCases()) {
  describe(`case ${each.name}: ${each.what}`, () => {
    let folder: string
    beforeAll(() => {
      folder = copyInputs(each)
    })
    afterAll(() => rmSync(folder, { recursive: true, force: true }))

    for (const check of each.checks) {
      const { run, coveredBy, limit } = check
      if (coveredBy !== undefined) {
        test(`is covered by ${coveredBy.file}: ${coveredBy.test}`, () => {
          expect(readFileSync(join(root, coveredBy.file), 'utf8')).toContain(coveredBy.test)
        })
      }
      if (limit !== undefined) {
        test(`is a limit that ${limit.file} states`, () => {
          const text = readFileSync(join(root, limit.file), 'utf8').replace(/\s+/g, ' ')
          expect(text).toContain(limit.says)
        })
      }
      if (run === undefined) continue
      const lacking = missing(check)
      const leftOut = lacking.length > 0 ? ` (left out: ${lacking.join(', ')} not installed)` : ''
      test.skipIf(leftOut !== '')(`herald ${run}${leftOut}`, async () => {
        const before = new Set(allFiles(folder))
        const { exit, stderr } = await herald([...run.split(' '), '--no-announce'], folder)
        expect(exit, stderr).toBe(check.exit ?? 0)
        for (const text of check.stderr ?? []) expect(stderr).toContain(text)
        const made = allFiles(folder).filter((name) => !before.has(name))
        if (check.files !== undefined) expect(made.toSorted()).toEqual(check.files.toSorted())
        await expectResults(check, folder)
      })
    }
  })
}

async function expectResults(check: Check, folder: string) {
  for (const [name, pixels] of Object.entries(check.pixels ?? {})) {
    const { data, info } = await sharp(join(folder, name))
      .removeAlpha()
      .toColourspace('srgb')
      .raw()
      .toBuffer({ resolveWithObject: true })
    for (const { at, rgb, tolerance } of [pixels].flat()) {
      const start = (at[1] * info.width + at[0]) * info.channels
      const seen = [...data.subarray(start, start + 3)]
      const off = Math.max(...rgb.map((value, index) => Math.abs(value - (seen[index] ?? 0))))
      expect(off, `${name} at ${at}: ${seen}, expected ${rgb}`).toBeLessThanOrEqual(tolerance)
    }
  }
  for (const [name, pages] of Object.entries(check.pages ?? {})) {
    const metadata = await sharp(join(folder, name)).metadata()
    expect([name, metadata.pages ?? 1]).toEqual([name, pages])
  }
  for (const [name, { pages, points }] of Object.entries(check.pdf ?? {})) {
    const seen = pdfInfo(join(folder, name))
    expect([name, seen.pages]).toEqual([name, pages])
    for (const [index, length] of (points ?? []).entries()) {
      expect(Math.abs((seen.points[index] ?? 0) - length)).toBeLessThanOrEqual(1)
    }
  }
  for (const [name, { matches = [], lacks = [] }] of Object.entries(check.text ?? {})) {
    expect(existsSync(join(folder, name)), name).toBe(true)
    const text = pdfText(join(folder, name))
    for (const pattern of matches)
      expect([name, text]).toEqual([name, expect.stringMatching(new RegExp(pattern))])
    for (const absent of lacks)
      expect([name, text]).toEqual([name, expect.not.stringContaining(absent)])
  }
}
