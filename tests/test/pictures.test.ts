import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))

test('the README shows pictures that are there, described, and light', () => {
  const text = readFileSync(join(root, 'README.md'), 'utf8')
  const pictures = [...text.matchAll(/!\[([^\]]*)\]\(([^)]+)\)/g)]
  expect(pictures.length).toBeGreaterThan(3)
  for (const [, description] of pictures) expect(description?.length).toBeGreaterThan(20)
  const sizes = pictures.map(([, , path = '']) => statSync(join(root, path)).size)
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(450_000)
})
