import type { FileHandle } from 'node:fs/promises'

const endOfChain = 0xfffffff8
/** A directory entry without a sibling: [MS-CFB] 2.6.1. */
const NOSTREAM = 0xffffffff
const entryBytes = 128
/** More than any document's directory has. */
const maxSectors = 4096

/** The container of Word, Excel and PowerPoint before 2007: [MS-CFB]. */
export class CompoundFile {
  readonly #file: FileHandle
  #sectorBytes = 512

  constructor(file: FileHandle) {
    this.#file = file
  }

  /** The names in its root. Rejects if its structure is invalid. */
  async names(): Promise<Set<string>> {
    const head = await this.#read(0, 512)
    this.#sectorBytes = 2 ** head.readUInt16LE(30)
    if (this.#sectorBytes !== 512 && this.#sectorBytes !== 4096)
      throw new Error('unknown sector size')
    const directory = await this.#directory(head)
    const found = new Set<string>()
    const entry = (id: number) => {
      const at = id * entryBytes
      if (at + entryBytes > directory.length) throw new Error('a missing directory entry')
      return directory.subarray(at, at + entryBytes)
    }
    const seen = new Set<number>()
    const waiting = [entry(0).readUInt32LE(76)]
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
      if (id === NOSTREAM || seen.has(id)) continue
      seen.add(id)
      const item = entry(id)
      const bytes = Math.min(64, item.readUInt16LE(64))
      found.add(item.toString('utf16le', 0, Math.max(0, bytes - 2)))
      waiting.push(item.readUInt32LE(68), item.readUInt32LE(72))
    }
    return found
  }

  /** The sectors of the directory, one after the other. */
  async #directory(head: Buffer): Promise<Buffer> {
    const tables = await this.#tables(head)
    const perSector = this.#sectorBytes / 4
    const sectors: Buffer[] = []
    const seen = new Set<number>()
    let at = head.readUInt32LE(48)
    while (at < endOfChain) {
      if (seen.has(at) || seen.size >= maxSectors)
        throw new Error('a directory that loops or is too long')
      seen.add(at)
      sectors.push(await this.#sector(at))
      const table = tables[Math.floor(at / perSector)]
      if (table === undefined) throw new Error('a missing sector')
      at = (await this.#sector(table)).readUInt32LE((at % perSector) * 4)
    }
    return Buffer.concat(sectors)
  }

  /** The sectors of the allocation table: 109 are listed in the header, more in a chain. */
  async #tables(head: Buffer): Promise<number[]> {
    const tables = Array.from({ length: 109 }, (_, index) => head.readUInt32LE(76 + index * 4))
    let next = head.readUInt32LE(68)
    for (let count = 0; next < endOfChain && count < maxSectors; count++) {
      const sector = await this.#sector(next)
      const last = this.#sectorBytes - 4
      for (let at = 0; at < last; at += 4) tables.push(sector.readUInt32LE(at))
      next = sector.readUInt32LE(last)
    }
    return tables.filter((sector) => sector < endOfChain)
  }

  #sector(number: number): Promise<Buffer> {
    return this.#read((number + 1) * this.#sectorBytes, this.#sectorBytes)
  }

  async #read(at: number, bytes: number): Promise<Buffer> {
    const buffer = Buffer.alloc(bytes)
    const { bytesRead } = await this.#file.read(buffer, 0, bytes, at)
    // The last sector may be short.
    if (bytesRead === 0) throw new Error('the end of the file')
    return buffer
  }
}
