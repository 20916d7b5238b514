import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { WrappedPdfiumModule } from '@embedpdf/pdfium'
import type { Size } from '../image/target-size.js'
import { damagedPdf, explainPdfError, pageTooLarge, refuseCutOff } from './pdf-errors.js'
import { offerSystemFonts } from './pdfium-fonts.js'

const wasmPath = createRequire(import.meta.url).resolve('@embedpdf/pdfium/pdfium.wasm')

/** The version of the package: PDFium itself has none. */
export const pdfiumVersion = (
  JSON.parse(readFileSync(join(dirname(wasmPath), '../package.json'), 'utf8')) as {
    version: string
  }
).version

/** PDFium's own names: fpdfview.h, fpdf_formfill.h. */
const bgr = 2
const drawAnnotations = 0x01
const redFirst = 0x10
/** Document properties: ISO 32000-1, 14.3.3. */
const describingTags = ['Title', 'Author', 'Subject', 'Keywords']

let module: Promise<WrappedPdfiumModule> | undefined

/** Loaded with the first PDF, to save memory in other children. */
function pdfium(): Promise<WrappedPdfiumModule> {
  module ??= load()
  return module
}

async function load(): Promise<WrappedPdfiumModule> {
  const { init } = await import('@embedpdf/pdfium')
  const wasm = await readFile(wasmPath)
  const quiet = { print: () => {}, printErr: () => {} }
  const loaded = await init({ wasmBinary: new Uint8Array(wasm).buffer, ...quiet })
  loaded.FPDF_InitLibrary()
  offerSystemFonts(loaded)
  return loaded
}

/** Three bytes a pixel: red, green, blue; rows follow each other without a gap. */
interface Drawing extends Size {
  readonly pixels: Uint8Array
  /** Frees the memory; the pixels are then invalid. */
  free(): void
}

/** An open PDF. Pages are counted from 0. The caller closes it. */
export class PdfDocument {
  readonly pages: number
  readonly #lib: WrappedPdfiumModule
  readonly #document: number
  readonly #release: () => void
  /** 0 if it has no form. */
  #form: number

  private constructor(
    lib: WrappedPdfiumModule,
    document: number,
    form: number,
    release: () => void,
  ) {
    this.#lib = lib
    this.#document = document
    this.#form = form
    this.#release = release
    this.pages = lib.FPDF_GetPageCount(document)
  }

  /** Rejects with HERALD_LOCKED_FILE, HERALD_CORRUPT_FILE. The file is read as it is needed. */
  static async open(path: string): Promise<PdfDocument> {
    const lib = await pdfium()
    const file = openSync(path, 'r')
    const size = fstatSync(file).size
    refuseCutOff(file, size)
    const getBlock = lib.pdfium.addFunction((_param: number, at: number, to: number, n: number) => {
      const bytes = heap(lib).subarray(to, to + n)
      return readSync(file, bytes, 0, n, at >>> 0) === n ? 1 : 0
    }, 'iiiii')
    const access = lib.pdfium.wasmExports.malloc(12)
    lib.pdfium.setValue(access, size, 'i32')
    lib.pdfium.setValue(access + 4, getBlock, 'i32')
    lib.pdfium.setValue(access + 8, 0, 'i32')
    const release = () => {
      lib.pdfium.wasmExports.free(access)
      lib.pdfium.removeFunction(getBlock)
      closeSync(file)
    }
    const document = lib.FPDF_LoadCustomDocument(access, '')
    if (document === 0) {
      const code = lib.FPDF_GetLastError()
      release()
      throw explainPdfError(code)
    }
    const opened = new PdfDocument(lib, document, openForm(lib, document), release)
    if (opened.pages > 0) return opened
    opened.close()
    throw damagedPdf('has no pages, or they cannot be found')
  }

  /** The size of a page in points of 1/72 inch, as it is shown. Throws HERALD_CORRUPT_FILE. */
  pageSize(page: number): Size {
    const { malloc, free } = this.#lib.pdfium.wasmExports
    const at = malloc(8)
    const found = this.#lib.FPDF_GetPageSizeByIndexF(this.#document, page, at)
    const width = this.#lib.pdfium.getValue(at, 'float')
    const height = this.#lib.pdfium.getValue(at + 4, 'float')
    free(at)
    if (found && width > 0 && height > 0) return { width, height }
    throw damagedPdf(`is damaged: page ${page + 1} cannot be read`)
  }

  /** What it contains beside its pages; see `Inspection.holds`. */
  get holds(): string[] {
    const lib = this.#lib
    const document = this.#document
    const held: Readonly<Record<string, boolean>> = {
      pages: this.pages > 1,
      outline: lib.FPDFBookmark_GetFirstChild(document, 0) !== 0,
      properties: describingTags.some((tag) => lib.FPDF_GetMetaText(document, tag, 0, 0) > 2),
      attachments: lib.FPDFDoc_GetAttachmentCount(document) > 0,
      form: this.#form !== 0,
      scripts: lib.FPDFDoc_GetJavaScriptActionCount(document) > 0,
      signatures: lib.FPDF_GetSignatureCount(document) > 0,
      restrictions: lib.FPDF_GetSecurityHandlerRevision(document) !== -1,
    }
    return Object.keys(held).filter((name) => held[name])
  }

  /** Draws a page over `background`, stretched to `size`, with its annotations and its form. */
  draw(page: number, { width, height }: Size, background: string): Drawing {
    const lib = this.#lib
    const { malloc, free } = lib.pdfium.wasmExports
    const handle = lib.FPDF_LoadPage(this.#document, page)
    if (handle === 0) throw damagedPdf(`is damaged: page ${page + 1} cannot be read`)
    const pixels = malloc(width * height * 3)
    // A null pointer means that the heap is exhausted.
    if (pixels === 0) throw pageTooLarge()
    const bitmap = lib.FPDFBitmap_CreateEx(width, height, bgr, pixels, width * 3)
    const [red = 255, green = 255, blue = 255] = Buffer.from(background.slice(1), 'hex')
    // The library fills blue first whatever the order it draws in.
    lib.FPDFBitmap_FillRect(bitmap, 0, 0, width, height, rgb(blue, green, red))
    const flags = drawAnnotations | redFirst
    lib.FPDF_RenderPageBitmap(bitmap, handle, 0, 0, width, height, 0, flags)
    if (this.#form !== 0) {
      lib.FORM_OnAfterLoadPage(handle, this.#form)
      lib.FPDF_FFLDraw(this.#form, bitmap, handle, 0, 0, width, height, 0, flags)
      lib.FORM_OnBeforeClosePage(handle, this.#form)
    }
    lib.FPDFBitmap_Destroy(bitmap)
    lib.FPDF_ClosePage(handle)
    return {
      width,
      height,
      pixels: heap(lib).subarray(pixels, pixels + width * height * 3),
      free: () => free(pixels),
    }
  }

  /**
   * These pages as a new PDF, rotated clockwise by a multiple of 90 degrees, without scripts,
   * attachments, bookmarks and properties.
   */
  extract(pages: readonly number[], degrees: number): Uint8Array {
    const lib = this.#lib
    const { malloc, free } = lib.pdfium.wasmExports
    const made = lib.FPDF_CreateNewDocument()
    const indices = malloc(pages.length * 4)
    pages.forEach((page, at) => {
      lib.pdfium.setValue(indices + at * 4, page, 'i32')
    })
    const imported = lib.FPDF_ImportPagesByIndex(made, this.#document, indices, pages.length, 0)
    free(indices)
    try {
      if (!imported) throw damagedPdf('is damaged: its pages cannot be read')
      for (let at = 0; degrees !== 0 && at < pages.length; at++) rotate(lib, made, at, degrees)
      return save(lib, made)
    } finally {
      lib.FPDF_CloseDocument(made)
    }
  }

  close(): void {
    if (this.#form !== 0) this.#lib.PDFiumExt_ExitFormFillEnvironment(this.#form)
    this.#form = 0
    this.#lib.FPDF_CloseDocument(this.#document)
    this.#release()
  }
}

function rotate(lib: WrappedPdfiumModule, document: number, page: number, degrees: number): void {
  const handle = lib.FPDF_LoadPage(document, page)
  const quarters = (lib.FPDFPage_GetRotation(handle) + degrees / 90) % 4
  lib.FPDFPage_SetRotation(handle, quarters)
  lib.FPDF_ClosePage(handle)
}

function save(lib: WrappedPdfiumModule, document: number): Uint8Array {
  const { malloc, free } = lib.pdfium.wasmExports
  const writer = lib.PDFiumExt_OpenFileWriter()
  lib.PDFiumExt_SaveAsCopy(document, writer)
  const size = lib.PDFiumExt_GetFileWriterSize(writer)
  const at = malloc(size)
  if (at === 0) throw pageTooLarge()
  lib.PDFiumExt_GetFileWriterData(writer, at, size)
  const bytes = heap(lib).slice(at, at + size)
  free(at)
  lib.PDFiumExt_CloseFileWriter(writer)
  return bytes
}

/** The form, which draws what was typed into it; 0 if there is none. */
function openForm(lib: WrappedPdfiumModule, document: number): number {
  if (lib.FPDF_GetFormType(document) === 0) return 0
  const form = lib.PDFiumExt_InitFormFillEnvironment(document, lib.PDFiumExt_OpenFormFillInfo())
  // Readers tint the fields so that they are found; in a picture that is only a stain.
  if (form !== 0) lib.FPDF_SetFormFieldHighlightAlpha(form, 0)
  return form
}

/** Read again each time: the memory moves when it grows. */
function heap(lib: WrappedPdfiumModule): Uint8Array {
  return (lib.pdfium as unknown as { HEAPU8: Uint8Array }).HEAPU8
}

function rgb(red: number, green: number, blue: number): number {
  return ((0xff << 24) | (red << 16) | (green << 8) | blue) >>> 0
}
