import { readFile } from 'node:fs/promises'
import { HeraldError } from '@herald/proto/errors'
import { decode, detectEncoding, type Encoding } from '../text-encoding.js'

/** The characters of a text file. Rejects with HERALD_CORRUPT_FILE. */
export async function readText(path: string): Promise<string> {
  const bytes = await readFile(path)
  return decode(bytes, textEncoding(bytes))
}

/** Its first bytes were text already; the rest may not be. Throws HERALD_CORRUPT_FILE. */
export function textEncoding(bytes: Buffer): Encoding {
  const encoding = detectEncoding(bytes)
  if (encoding !== undefined) return encoding
  throw new HeraldError('HERALD_CORRUPT_FILE', 'The encoding of this text is not recognised.', {
    remedy: 'Save it as UTF-8.',
  })
}
