import type { WrappedPdfiumModule } from '@embedpdf/pdfium'
import { type Font, findFont } from './system-fonts.js'

/** The table's tag that stands for a whole font collection. */
const collection = 0x74746366

/**
 * Lends PDFium the fonts of this machine for text whose font is not in the PDF
 * (fpdf_sysfontinfo.h). Without any, PDFium draws Latin text with fonts of its own, and a script
 * that no font here covers stays empty.
 */
export function offerSystemFonts(lib: WrappedPdfiumModule): void {
  const { addFunction, setValue, wasmExports, UTF8ToString } = lib.pdfium
  const lent: Font[] = []
  const handles = new Map<string, number>()

  const map = (
    _self: number,
    weight: number,
    italic: number,
    charset: number,
    _pitch: number,
    face: number,
  ): number => {
    const request = { family: UTF8ToString(face), weight, italic: italic !== 0, charset }
    const key = JSON.stringify(request)
    const known = handles.get(key)
    if (known !== undefined) return known
    const font = findFont(request)
    // 0 means none; PDFium then takes its own.
    const handle = font ? lent.push(font) : 0
    handles.set(key, handle)
    return handle
  }
  const read = (_self: number, handle: number, table: number, to: number, room: number): number => {
    const font = lent[handle - 1]
    if (!font) return 0
    const isWhole = table === 0
    if (!isWhole && !(table === collection && font.offset > 0)) return 0
    // PDFium finds the face of a collection by the difference of the two lengths.
    const part = isWhole ? font.bytes.subarray(font.offset) : font.bytes
    if (to !== 0 && room >= part.length) {
      // Taken anew each time: the memory moves when it grows.
      const { HEAPU8 } = lib.pdfium as unknown as { HEAPU8: Uint8Array }
      HEAPU8.set(part, to)
    }
    return part.length
  }
  const slots = [
    1,
    addFunction(() => {}, 'vi'), // Release
    addFunction(() => {}, 'vii'), // EnumFonts
    addFunction(map, 'iiiiiiii'), // MapFont
    addFunction(() => 0, 'iii'), // GetFont
    addFunction(read, 'iiiiii'), // GetFontData
    addFunction(() => 0, 'iiiii'), // GetFaceName
    addFunction(() => 0, 'iii'), // GetFontCharset
    addFunction(() => {}, 'vii'), // DeleteFont
  ]
  const info = wasmExports.malloc(slots.length * 4)
  slots.forEach((value, at) => {
    setValue(info + at * 4, value, 'i32')
  })
  lib.FPDF_SetSystemFontInfo(info)
}
