import { readFileSync } from 'node:fs'
import { drawHeraldAtDusk } from '@herald/stack/sample/herald-at-dusk'
import { expect, test } from 'vitest'

const sample = new URL('../sample/', import.meta.url)

test('the sample scene is the one the script draws', () => {
  const kept = readFileSync(new URL('herald-at-dusk.svg', sample), 'utf8')
  expect(drawHeraldAtDusk() === kept, 'run: npm run draw -w @herald/stack').toBe(true)
})

test('the sample photo carries a location, which no rendition may keep', () => {
  const photo = readFileSync(new URL('herald-at-dusk.jpg', sample))
  // The tag GPSInfo (0x8825) of the EXIF directory, in either byte order.
  expect(photo.subarray(0, 1024).includes(Buffer.from([0x25, 0x88]))).toBe(true)
})
