import { type FileHandle, open } from 'node:fs/promises'

/** A picture as a PDF stores it; see ISO 32000-1, 8.9.5. */
export interface PdfPicture {
  readonly width: number
  readonly height: number
  /** Entries of its dictionary: colour space, bits, filter. */
  readonly entries: string
  readonly data: Uint8Array
  /** The alpha of each pixel. */
  readonly mask?: PdfPicture
}

/** The transformation of a stored picture by its EXIF orientation (1 to 8). */
const matrices: readonly ((width: number, height: number) => readonly number[])[] = [
  (w, h) => [w, 0, 0, h, 0, 0],
  (w, h) => [-w, 0, 0, h, w, 0],
  (w, h) => [-w, 0, 0, -h, w, h],
  (w, h) => [w, 0, 0, -h, 0, h],
  (w, h) => [0, -h, -w, 0, w, h],
  (w, h) => [0, -h, w, 0, 0, h],
  (w, h) => [0, h, w, 0, 0, 0],
  (w, h) => [0, h, -w, 0, w, 0],
]

/**
 * Writes a PDF of one picture per page directly to disk; no picture stays in memory. Its only
 * property is the producer's name.
 */
export class PdfWriter {
  readonly #file: FileHandle
  #at = 0
  /** The offset of each object; the first two are written last. */
  readonly #offsets: number[] = [0, 0]
  readonly #pages: number[] = []

  private constructor(file: FileHandle) {
    this.#file = file
  }

  static async create(path: string): Promise<PdfWriter> {
    const writer = new PdfWriter(await open(path, 'w'))
    // Four bytes that mark the file as binary for transfer programs.
    await writer.#append('%PDF-1.7\n%', Buffer.from([0xe2, 0xe3, 0xcf, 0xd3]), '\n')
    return writer
  }

  /** Adds a page of that size in points, filled by the picture. */
  async addPage(
    picture: PdfPicture,
    width: number,
    height: number,
    orientation = 1,
  ): Promise<void> {
    const image = await this.#addPicture(picture)
    const [w, h] = [round(width), round(height)]
    const matrix = (matrices[orientation - 1] ?? matrices[0])?.(w, h).join(' ')
    const content = Buffer.from(`q ${matrix} cm /P Do Q`)
    const contents = await this.#add(`<</Length ${content.length}>>`, content)
    const page = `<</Type/Page/Parent 2 0 R/MediaBox[0 0 ${w} ${h}]/Contents ${contents} 0 R/Resources<</XObject<</P ${image} 0 R>>>>>>`
    this.#pages.push(await this.#add(page))
  }

  /** Writes what belongs at the end, and closes the file. */
  async finish(): Promise<void> {
    const info = await this.#add('<</Producer(Herald)>>')
    const kids = this.#pages.map((page) => `${page} 0 R`).join(' ')
    await this.#put(1, '<</Type/Catalog/Pages 2 0 R>>')
    await this.#put(2, `<</Type/Pages/Count ${this.#pages.length}/Kids[${kids}]>>`)
    const start = this.#at
    const size = this.#offsets.length + 1
    const rows = this.#offsets.map((at) => `${at.toString().padStart(10, '0')} 00000 n \n`)
    await this.#append(
      `xref\n0 ${size}\n0000000000 65535 f \n${rows.join('')}`,
      `trailer\n<</Size ${size}/Root 1 0 R/Info ${info} 0 R>>\nstartxref\n${start}\n%%EOF\n`,
    )
    await this.#file.close()
  }

  /** Closes the file, which stays incomplete. */
  async abandon(): Promise<void> {
    await this.#file.close()
  }

  async #addPicture({ width, height, entries, data, mask }: PdfPicture): Promise<number> {
    const behind = mask ? `/SMask ${await this.#addPicture(mask)} 0 R` : ''
    return this.#add(
      `<</Type/XObject/Subtype/Image/Width ${width}/Height ${height}${entries}${behind}/Length ${data.length}>>`,
      data,
    )
  }

  async #add(dictionary: string, stream?: Uint8Array): Promise<number> {
    const number = this.#offsets.push(0)
    await this.#put(number, dictionary, stream)
    return number
  }

  async #put(number: number, dictionary: string, stream?: Uint8Array): Promise<void> {
    this.#offsets[number - 1] = this.#at
    await this.#append(`${number} 0 obj\n${dictionary}`)
    if (stream) await this.#append('\nstream\n', stream, '\nendstream')
    await this.#append('\nendobj\n')
  }

  async #append(...parts: readonly (string | Uint8Array)[]): Promise<void> {
    const buffers = parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part))
    await this.#file.writev(buffers)
    for (const { length } of buffers) this.#at += length
  }
}

function round(points: number): number {
  return Math.round(points * 100) / 100
}
