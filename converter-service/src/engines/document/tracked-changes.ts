import { createWriteStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { openPromise } from 'yauzl'
import { ZipFile } from 'yazl'

/** sprmCFRMarkDel and sprmCFRMark, switched on: [MS-DOC] 2.6.1. */
const changesOfDoc = [Buffer.from([0x00, 0x08, 0x01]), Buffer.from([0x01, 0x08, 0x01])]

/** The part that stores whether changes are shown, and how to set it; undefined if it has no such setting. */
interface Switch {
  readonly part: string
  readonly set: (xml: string, shown: boolean) => string | undefined
}

const switches: Readonly<Record<string, Switch>> = {
  // ECMA-376, part 1, 17.15.1.75. LibreOffice reads insDel only, and hides formatting changes with it.
  docx: {
    part: 'word/settings.xml',
    set(xml, shown) {
      const [root, prefix = ''] = /<(\w+:)?settings\b[^>]*[^/]>/.exec(xml) ?? []
      if (root === undefined) return undefined
      const view = ['markup', 'insDel', 'formatting'].map((name) => `${prefix}${name}="${+shown}"`)
      return xml
        .replace(/<(\w+:)?revisionView\b[^<>]*\/>/g, '')
        .replace(root, `${root}<${prefix}revisionView ${view.join(' ')}/>`)
    },
  },
  odt: {
    part: 'settings.xml',
    set(xml, shown) {
      const item = /(config:name="ShowRedlineChanges"[^>]*>)[^<]*/
      return item.test(xml) ? xml.replace(item, `$1${shown}`) : undefined
    },
  },
}

/**
 * Writes the document to `target` with its tracked changes shown or hidden, as if accepted.
 * Resolves to false, having written nothing, if the format or the document has no switch for that.
 */
export async function showTrackedChanges(
  source: string,
  format: string,
  shown: boolean,
  target: string,
): Promise<boolean> {
  const known = switches[format]
  const settings = known && (await readPart(source, known.part))
  const changed = settings === undefined ? undefined : known?.set(settings, shown)
  if (!known || changed === undefined) return false
  await replacePart(source, known.part, changed, target)
  return true
}

/** Whether a document that is not a ZIP file may hold tracked changes; true for some that do not. */
export async function mayHoldTrackedChanges(path: string, format: string): Promise<boolean> {
  if (format === 'rtf') return /\\(?:revised|deleted)\b/.test(await readFile(path, 'latin1'))
  if (format !== 'doc') return false
  const bytes = await readFile(path)
  return changesOfDoc.some((sprm) => bytes.includes(sprm))
}

async function readPart(path: string, name: string): Promise<string | undefined> {
  const zip = await openPromise(path, { autoClose: false })
  try {
    for await (const entry of zip.eachEntry()) {
      if (entry.fileName === name) return await text(await zip.openReadStreamPromise(entry))
    }
    return undefined
  } finally {
    zip.close()
  }
}

async function replacePart(
  source: string,
  name: string,
  xml: string,
  target: string,
): Promise<void> {
  const zip = await openPromise(source, { autoClose: false })
  try {
    const copy = new ZipFile()
    for await (const entry of zip.eachEntry()) {
      const compress = entry.compressionMethod !== 0
      if (entry.fileName === name) copy.addBuffer(Buffer.from(xml), name, { compress })
      else if (!entry.fileName.endsWith('/')) {
        copy.addReadStreamLazy(entry.fileName, { compress }, (take) =>
          zip.openReadStream(entry, take),
        )
      }
    }
    copy.end()
    await pipeline(copy.outputStream, createWriteStream(target))
  } finally {
    zip.close()
  }
}
