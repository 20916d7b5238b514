import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The templates and phrases that letters are written from, by name: `converted.html`, `strings/ru.json`. */
export interface TemplateFiles {
  readonly files: ReadonlyMap<string, string>
  /** Twelve hexadecimal digits that change whenever the same events would give other letters. */
  readonly version: string
}

/** Changes with the code where that gives other letters, or mails, from the same files. */
const codeVersion = 4

/** Where the letters' own files lie, in the sources and in an installed package alike. */
export const shippedFolder = fileURLToPath(new URL('../../../templates/', import.meta.url))

export const letterFiles = [
  ...['converted.html', 'converted.txt', 'failed.html', 'failed.txt', 'digest.html', 'digest.txt'],
] as const

const known =
  /^(?:(?:converted|failed|digest|parts\/[\w-]+)\.(?:html|txt)|strings\/[A-Za-z-]+\.json)$/

const maxBytes = 256 * 1024

/**
 * Reads the shipped files and those of `folder`, which stand in their place file by file.
 * What cannot be read or is no template is put to `faults`, a sentence each.
 */
export function readTemplateFiles(folder: string | undefined, faults: string[]): TemplateFiles {
  const shipped = readFolder(shippedFolder, faults)
  const own = folder === undefined ? [] : readFolder(folder, faults)
  return templateFiles(new Map([...shipped, ...own]))
}

export function templateFiles(files: ReadonlyMap<string, string>): TemplateFiles {
  const ordered = [...files].sort(([one], [other]) => (one < other ? -1 : 1))
  const version = createHash('sha256')
    .update(JSON.stringify([codeVersion, ordered]))
    .digest('hex')
  return { files, version: version.slice(0, 12) }
}

function readFolder(folder: string, faults: string[]): [string, string][] {
  let names: string[]
  try {
    names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  } catch (error) {
    faults.push(`${folder} cannot be read as a folder of templates (${codeOf(error)}).`)
    return []
  }
  return names.sort().flatMap((name) => readOne(folder, name.split(sep).join('/'), faults))
}

function readOne(folder: string, name: string, faults: string[]): [string, string][] {
  // What an operator keeps beside the templates is no concern of ours; a mistyped template is.
  if (!/\.(html|txt|json)$/.test(name) || /(^|\/)\./.test(name)) return []
  if (!known.test(name)) {
    faults.push(
      `${name} is no template Herald knows: those are ${letterFiles.join(', ')}, parts/<name>.html or .txt and strings/<language>.json.`,
    )
    return []
  }
  const path = join(folder, name)
  try {
    if (statSync(path).size > maxBytes) throw new RangeError(`more than ${maxBytes} bytes`)
    const text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path))
    return [[name, text.replaceAll('\r\n', '\n')]]
  } catch (error) {
    faults.push(`${name} cannot be read (${codeOf(error)}).`)
    return []
  }
}

function codeOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return 'it is no UTF-8'
  return code ?? message
}
