/** A box of ISO/IEC 14496-12: length, type, body. */
function box(type: string, ...parts: readonly (Buffer | readonly number[])[]): Buffer {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part as Uint8Array)))
  return Buffer.concat([u32(body.length + 8), text(type), body])
}

/** Version and flags, which begin a full box. */
const full = (version: number, flags = 0) => u32(version * 2 ** 24 + flags)
const text = (value: string) => Buffer.from(value, 'latin1')

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(value)
  return bytes
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** The body of the first box of that type, at any offset. */
function bodyOf(file: Buffer, type: string): Buffer {
  const at = file.indexOf(type, 0, 'latin1')
  if (at < 4) throw new Error(`no ${type}`)
  return file.subarray(at + 4, at - 4 + file.readUInt32BE(at - 4))
}

export interface HeifOptions {
  /** HEIC files of one picture each, whose coded pictures are put in. */
  readonly pictures: readonly Buffer[]
  /** They are tiles, side by side, of one picture: telephones write it so. */
  readonly tiled?: boolean
  /** The stated size, if it is not the real one. */
  readonly size?: readonly [number, number]
  /** Quarter turns against the clock. */
  readonly turns?: number
  readonly icc?: Buffer
  /** Primaries and transfer of ITU-T H.273. */
  readonly nclx?: readonly [number, number]
  /** As sharp hands it out: with `Exif\0\0` before it. */
  readonly exif?: Buffer
  readonly brand?: string
}

interface Item {
  readonly type: string
  readonly data: Buffer
  readonly properties: readonly Buffer[]
  /** What it is made of, or is about, and how that is called. */
  readonly refers?: { readonly as: string; readonly to: readonly number[] }
}

/**
 * A HEIC file as a phone writes it (ISO/IEC 23008-12): the picture is rotated, a
 * property says how to turn it, a profile which colours are meant, and EXIF is an item of its own.
 */
export function heifFile(options: HeifOptions): Buffer {
  const { pictures, tiled = false, size, turns = 0, icc, nclx, exif, brand = 'heic' } = options
  const shown = [
    ...(icc ? [box('colr', text('prof'), icc)] : []),
    ...(nclx ? [box('colr', text('nclx'), ...nclx.map(u16), u16(6), [0x80])] : []),
    ...(turns ? [box('irot', [turns])] : []),
  ]
  const sizes = pictures.map((file) => size ?? [sideOf(file, 4), sideOf(file, 8)])
  const coded = pictures.map((file, index): Item => {
    const ispe = box('ispe', full(0), ...(sizes[index] ?? []).map(u32))
    const properties = [box('hvcC', bodyOf(file, 'hvcC')), ispe, ...(tiled ? [] : shown)]
    return { type: 'hvc1', data: bodyOf(file, 'mdat'), properties }
  })
  const [width, height] = [sizes.reduce((sum, [each = 0]) => sum + each, 0), sizes[0]?.[1] ?? 0]
  const grid: Item = {
    type: 'grid',
    data: Buffer.concat([Buffer.from([0, 0, 0, pictures.length - 1]), u16(width), u16(height)]),
    properties: [box('ispe', full(0), u32(width), u32(height)), ...shown],
    refers: { as: 'dimg', to: pictures.map((_each, index) => index + 2) },
  }
  const about: Item[] = exif
    ? [
        {
          type: 'Exif',
          data: Buffer.concat([u32(6), exif]),
          properties: [],
          refers: { as: 'cdsc', to: [1] },
        },
      ]
    : []
  return fileOf([...(tiled ? [grid] : []), ...coded, ...about], brand, tiled)
}

const sideOf = (file: Buffer, at: number) => bodyOf(file, 'ispe').readUInt32BE(at)

/** The first item is the main one; `tiled`: the other pictures are not to be shown. */
function fileOf(items: readonly Item[], brand: string, tiled: boolean): Buffer {
  const properties = items.flatMap((item) => item.properties)
  const hidden = ({ type }: Item) => (tiled && type === 'hvc1' ? 1 : 0)
  const infos = items.map((item, index) =>
    box('infe', full(2, hidden(item)), u16(index + 1), u16(0), text(item.type), [0]),
  )
  const references = items.flatMap(({ refers }, index) =>
    refers ? [box(refers.as, u16(index + 1), u16(refers.to.length), ...refers.to.map(u16))] : [],
  )
  let counted = 0
  const owners = items.map((item, index) => {
    const own = item.properties.map(() => ++counted)
    return Buffer.concat([u16(index + 1), Buffer.from([own.length, ...own])])
  })
  const described = [
    box('hdlr', full(0), u32(0), text('pict'), Buffer.alloc(13)),
    box('pitm', full(0), u16(1)),
    box('iinf', full(0), u16(items.length), ...infos),
    ...(references.length > 0 ? [box('iref', full(0), ...references)] : []),
    box('iprp', box('ipco', ...properties), box('ipma', full(0), u32(items.length), ...owners)),
  ]
  const meta = (from: number) => {
    let at = from
    const places = items.map(({ data }, index) => {
      const place = Buffer.concat([u16(index + 1), u16(0), u16(1), u32(at), u32(data.length)])
      at += data.length
      return place
    })
    return box(
      'meta',
      full(0),
      ...described,
      box('iloc', full(0), [0x44, 0], u16(items.length), ...places),
    )
  }
  const start = box('ftyp', text(brand), u32(0), text('mif1heic'))
  // Where the items lie depends on how long the box is that says so.
  const from = start.length + meta(0).length + 8
  return Buffer.concat([start, meta(from), box('mdat', ...items.map(({ data }) => data))])
}
