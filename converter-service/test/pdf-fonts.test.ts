import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findFont } from '#src/engines/pdf/pdfium-fonts'
import { convertOne } from './convert.js'
import { type ConverterUnderTest, startConverter } from './converter-under-test.js'
import { pdfFile } from './pdf-file.js'

const japanese = 128
const wish = { family: 'MS-Mincho', weight: 400, italic: false, charset: japanese }
const leftOut = findFont(wish) ? '' : ' (left out: no font here has Japanese)'

let converter: ConverterUnderTest
beforeAll(async () => {
  converter = await startConverter({ children: 1 })
})
afterAll(() => converter.close())

describe.runIf(leftOut === '')(`text without its font${leftOut}`, () => {
  test('is shown in Japanese', async () => {
    const hex = Buffer.from('日本語', 'utf16le').swap16().toString('hex')
    const description =
      '<</Type/FontDescriptor/FontName/MS-Mincho/Flags 4/FontBBox[0 0 1000 1000]/ItalicAngle 0/Ascent 800/Descent -200/CapHeight 700/StemV 80>>'
    const fonts = `/F <</Type/Font/Subtype/Type0/BaseFont/MS-Mincho/Encoding/UniJIS-UCS2-H/DescendantFonts[<</Type/Font/Subtype/CIDFontType2/BaseFont/MS-Mincho/CIDSystemInfo<</Registry(Adobe)/Ordering(Japan1)/Supplement 2>>/FontDescriptor ${description}>>]>>`
    const pdf = pdfFile({ pages: [`BT /F 40 Tf 10 40 Td <${hex}> Tj ET`], fonts })
    const { bytes } = await convertOne(converter.client, pdf, 'png')
    const { channels } = await sharp(bytes).greyscale().stats()
    expect(channels[0]?.mean).toBeLessThan(250)
  })
})

test('a family with the syntax of fontconfig is only a name', () => {
  const hostile = { ...wish, charset: 0, family: 'x:file=/etc/passwd:charset=41,-y\\' }
  const { bytes } = findFont(hostile) ?? { bytes: Buffer.alloc(0) }
  expect(bytes.includes('root:')).toBe(false)
})
