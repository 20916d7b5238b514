import { describe, expect, test } from 'vitest'
import {
  exifHasLocation,
  iptcHasLocation,
  wipeLocation,
  xmpHasLocation,
} from '#src/engines/image/location'
import { pngChecksum } from '#src/engines/image/png'

/** EXIF with an author, a maker's note, and a place, in either byte order. */
function exifWithPlace(order: 'II' | 'MM', prefix: boolean): Buffer {
  const bytes = Buffer.alloc(200)
  const u16 = (value: number, at: number) =>
    order === 'II' ? bytes.writeUInt16LE(value, at) : bytes.writeUInt16BE(value, at)
  const u32 = (value: number, at: number) =>
    order === 'II' ? bytes.writeUInt32LE(value, at) : bytes.writeUInt32BE(value, at)
  const entry = (at: number, tag: number, type: number, count: number, value: number) => {
    u16(tag, at)
    u16(type, at + 2)
    u32(count, at + 4)
    u32(value, at + 8)
  }
  bytes.write(order, 0, 'latin1')
  u16(42, 2)
  u32(8, 4)
  u16(3, 8)
  entry(10, 0x8298, 2, 8, 120)
  entry(22, 0x8769, 4, 1, 60)
  entry(34, 0x8825, 4, 1, 90)
  u16(1, 60)
  entry(62, 0x927c, 7, 10, 130)
  u16(1, 90)
  entry(92, 0x0002, 5, 3, 140)
  bytes.write('Lovelace', 120, 'latin1')
  bytes.write('Greenwich!', 130, 'latin1')
  bytes.fill(0x77, 140, 164)
  return prefix ? Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), bytes]) : bytes
}

describe.each(['II', 'MM'] as const)('EXIF in byte order %s', (order) => {
  test.each([true, false])(
    'loses place and maker’s note, keeps the rest (prefix: %s)',
    (prefix) => {
      const exif = exifWithPlace(order, prefix)
      const { length } = exif
      expect(exifHasLocation(exif)).toBe(true)
      expect(wipeLocation(exif)).toBe(true)
      expect(exifHasLocation(exif)).toBe(false)
      expect(exif).toHaveLength(length)
      expect(exif.toString('latin1')).toContain('Lovelace')
      expect(exif.toString('latin1')).not.toContain('Greenwich')
      expect(exif.includes(0x77)).toBe(false)
    },
  )

  test('that is cut off anywhere is never taken for one without a place', () => {
    const exif = exifWithPlace(order, false)
    for (let end = 0; end < 46; end++) {
      expect(exifHasLocation(Buffer.from(exif.subarray(0, end))), `${end} bytes`).toBe(true)
    }
  })

  test('whose directories lead in a circle comes to an end', () => {
    const exif = exifWithPlace(order, false)
    if (order === 'II') exif.writeUInt32LE(8, 46)
    else exif.writeUInt32BE(8, 46)
    expect(wipeLocation(exif)).toBe(true)
  })
})

test.each([
  ['exif:GPSLatitude="51,30N"', true],
  ['<photoshop:City>London</photoshop:City>', true],
  ['<Iptc4xmpExt:LocationShown/>', true],
  ['dc:creator="Ada Lovelace"', false],
])('XMP %s tells a place: %s', (text, tells) => {
  expect(xmpHasLocation(Buffer.from(text))).toBe(tells)
})

test('XMP in UTF-16 is looked into as well', () => {
  expect(xmpHasLocation(Buffer.from('exif:GPSLatitude="51,30N"', 'utf16le'))).toBe(true)
})

test.each([
  [90, true],
  [101, true],
  [80, false],
])('IPTC with dataset 2:%i tells a place: %s', (dataset, tells) => {
  const record = Buffer.from([0x1c, 2, dataset, 0, 3, 65, 66, 67])
  expect(iptcHasLocation(Buffer.concat([Buffer.from('8BIM'), record]))).toBe(tells)
})

test('EXIF hidden among Photoshop resources counts as a place', () => {
  expect(iptcHasLocation(Buffer.from('8BIM\x04\x22\0\0\0\0\0\x04data', 'latin1'))).toBe(true)
  expect(iptcHasLocation(Buffer.from('8BIM\x03\xed\0\0\0\0\0\x04data', 'latin1'))).toBe(false)
})

test('the checksum is that of PNG', () => {
  // The IEND chunk, whose checksum everybody knows.
  expect(pngChecksum(Buffer.from('IEND'))).toBe(0xae426082)
})
