export interface PdfOptions {
  /** Content of each page; see ISO 32000-1, 8.4 and 9.4. */
  readonly pages: readonly string[]
  readonly width?: number
  readonly height?: number
  /** Entries of the first page, such as annotations. */
  readonly page?: string
  /** Entries of the catalogue, such as a form. */
  readonly catalogue?: string
  /** Entries of the trailer, such as the properties. */
  readonly trailer?: string
  /** Further objects, from the number 5 on. */
  readonly objects?: readonly string[]
  readonly fonts?: string
}

const halves = (width: number, height: number) =>
  `1 0 0 rg 0 0 ${width / 2} ${height} re f 0 0 1 rg ${width / 2} 0 ${width / 2} ${height} re f`

/** A page with a red left half and a blue right half. */
export const halvesPage = halves(200, 100)

/** A PDF with nothing but the given parts. */
export function pdfFile({
  pages,
  width = 200,
  height = 100,
  page = '',
  catalogue = '',
  trailer = '',
  objects = [],
  fonts = '/F 3 0 R',
}: PdfOptions): Buffer {
  const first = 5 + objects.length
  const kids = pages.map((_, index) => `${first + index * 2} 0 R`).join(' ')
  const all = [
    `<</Type/Catalog/Pages 2 0 R${catalogue}>>`,
    `<</Type/Pages/Count ${pages.length}/Kids[${kids}]/MediaBox[0 0 ${width} ${height}]>>`,
    '<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>',
    `<</Font<<${fonts}>>>>`,
    ...objects,
    ...pages.flatMap((content, index) => [
      `<</Type/Page/Parent 2 0 R/Resources 4 0 R/Contents ${first + index * 2 + 1} 0 R${index === 0 ? page : ''}>>`,
      `<</Length ${content.length}>>stream\n${content}\nendstream`,
    ]),
  ]
  const offsets: number[] = []
  let text = '%PDF-1.7\n'
  all.forEach((object, index) => {
    offsets.push(text.length)
    text += `${index + 1} 0 obj\n${object}\nendobj\n`
  })
  const rows = offsets.map((at) => `${String(at).padStart(10, '0')} 00000 n \n`).join('')
  text += `xref\n0 ${all.length + 1}\n0000000000 65535 f \n${rows}trailer\n<</Size ${all.length + 1}/Root 1 0 R${trailer}>>\nstartxref\n${text.length}\n%%EOF\n`
  return Buffer.from(text, 'latin1')
}
