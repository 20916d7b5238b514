import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The built-in templates and phrases, in the sources and in an installed package alike. */
export const shippedFolder = fileURLToPath(new URL('../../../templates/', import.meta.url))

export const templateNames = [
  'converted.html',
  'converted.txt',
  'failed.html',
  'failed.txt',
  'digest.html',
  'digest.txt',
] as const

export type TemplateName = (typeof templateNames)[number]

const known =
  /^(?:(?:converted|failed|digest|parts\/[\w-]+)\.(?:html|txt)|strings\/[A-Za-z-]+\.json)$/

const maxBytes = 256 * 1024

/**
 * Reads the shipped files and those of `folder`, which replace them file by file. By name:
 * `converted.html`, `strings/ru.json`. Puts a sentence into `errors` for each file that cannot be
 * read or is not a template.
 */
export function readTemplateFiles(
  folder: string | undefined,
  errors: string[],
): ReadonlyMap<string, string> {
  const shipped = readFolder(shippedFolder, errors)
  const own = folder === undefined ? [] : readFolder(folder, errors)
  return new Map([...shipped, ...own])
}

function readFolder(folder: string, errors: string[]): [string, string][] {
  let names: string[]
  try {
    names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  } catch (error) {
    errors.push(`${folder} cannot be read as a folder of templates (${codeOf(error)}).`)
    return []
  }
  return names.sort().flatMap((name) => readOne(folder, name.split(sep).join('/'), errors))
}

function readOne(folder: string, name: string, errors: string[]): [string, string][] {
  // Other files may be kept beside the templates; a mistyped name of a template is an error.
  if (!/\.(html|txt|json)$/.test(name) || /(^|\/)\./.test(name)) return []
  if (!known.test(name)) {
    errors.push(
      `${name} is not a template: expected ${templateNames.join(', ')}, parts/<name>.html or .txt, or strings/<language>.json.`,
    )
    return []
  }
  const path = join(folder, name)
  try {
    if (statSync(path).size > maxBytes) throw new RangeError(`more than ${maxBytes} bytes`)
    const text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path))
    return [[name, text.replaceAll('\r\n', '\n')]]
  } catch (error) {
    errors.push(`${name} cannot be read (${codeOf(error)}).`)
    return []
  }
}

function codeOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return 'not UTF-8'
  return code ?? message
}
