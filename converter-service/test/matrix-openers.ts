import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

// sharp's libvips, loaded in this process, exports the path of its modules; Debian's must find its own.
const { VIPSHOME: _, ...env } = process.env

const start = promisify(execFile)
const run = (program: string, words: string[]) => start(program, words, { env })

/** What a program that had no part in writing a file found in it. */
export interface Opened {
  readonly pages?: number
  /** Of the first page, in pixels; absent if the format has none. */
  readonly size?: { readonly width: number; readonly height: number }
  /** Red, green, blue from 0 to 255 at a sixth and at five sixths of the width. */
  readonly colours?: { readonly left: readonly number[]; readonly right: readonly number[] }
}

export interface Opener {
  /** As the table calls it. */
  readonly name: string
  /** The Debian package that brings it. */
  readonly package: string
  readonly opens: readonly string[]
  /** Rejects when it cannot be run at all. */
  version(): Promise<string>
  /** Decodes all of it; checks colours only if they are known. */
  open(path: string, looksForColours: boolean): Promise<Opened>
}

const pictures = ['jpeg', 'png', 'webp', 'avif', 'gif', 'tiff']

const imageMagick: Opener = {
  name: 'ImageMagick',
  package: 'imagemagick',
  opens: pictures,
  version: async () => said(await run('identify', ['-version']), /ImageMagick (\S+)/),
  async open(path, looksForColours) {
    // The mean needs every pixel; the two colours come from the middle row.
    const at = (share: string) => `%[pixel:u.p{w*${share},h/2}]`
    const format = `%w %h %[colorspace] %[mean]\n${at('1/6')}\n${at('5/6')}\n`
    const { stdout } = await run('identify', ['-quiet', '-format', format, `${path}[0]`])
    const [figures = '', left = '', right = ''] = stdout.split('\n')
    const [width, height, space] = figures.split(' ')
    return {
      size: { width: Number(width), height: Number(height) },
      // Of AVIF version 6 hands out the Y'CbCr it found.
      ...(looksForColours && space === 'sRGB'
        ? { colours: { left: rgb(left), right: rgb(right) } }
        : {}),
    }
  },
}

const vips: Opener = {
  name: 'libvips of Debian',
  package: 'libvips-tools',
  opens: pictures,
  version: async () => said(await run('vips', ['--version']), /vips-(\S+)/),
  async open(path, looksForColours) {
    const [{ stdout }] = await Promise.all([run('vipsheader', [path]), run('vips', ['avg', path])])
    const [, width, height] = (/: (\d+)x(\d+) /.exec(stdout) ?? []).map(Number)
    const size = { width: width ?? 0, height: height ?? 0 }
    if (!looksForColours) return { size }
    const point = async (share: number) => {
      const x = Math.floor(size.width * share)
      const { stdout: text } = await run('vips', [
        'getpoint',
        path,
        String(x),
        String(Math.floor(size.height / 2)),
      ])
      return text.trim().split(/\s+/).map(Number)
    }
    const [left, right] = await Promise.all([point(1 / 6), point(5 / 6)])
    return { size, colours: { left, right } }
  },
}

const poppler: Opener = {
  name: 'poppler',
  package: 'poppler-utils',
  opens: ['pdf'],
  async version() {
    await run('pdftoppm', ['-v'])
    return said(await run('pdfinfo', ['-v']), /version (\S+)/)
  },
  async open(path) {
    const { stdout } = await run('pdfinfo', [path])
    const pages = Number(/^Pages:\s+(\d+)/m.exec(stdout)?.[1])
    const drawn = await start('pdftoppm', ['-r', '36', '-f', '1', '-l', '1', path], {
      env,
      encoding: 'buffer',
      maxBuffer: 64 * 1024 ** 2,
    })
    return { pages, colours: portablePixmap(drawn.stdout) }
  },
}

/** Programs of Debian, none of which shares a build with what Herald writes with. */
export const openers: readonly Opener[] = [imageMagick, vips, poppler]

export async function isThere(opener: Opener): Promise<boolean> {
  return opener.version().then(
    () => true,
    () => false,
  )
}

function said({ stdout, stderr }: { stdout: string; stderr: string }, version: RegExp): string {
  return version.exec(`${stdout}\n${stderr}`)?.[1] ?? 'unknown'
}

/** `srgb(254,0,0)`, `srgba(254,0,0,1)`, `srgb(100%,0%,0%)`, `red`. */
function rgb(text: string): number[] {
  if (text === 'red') return [255, 0, 0]
  if (text === 'blue') return [0, 0, 255]
  const parts = /\((.*)\)/.exec(text)?.[1]?.split(',') ?? []
  return parts
    .slice(0, 3)
    .map((part) => (part.endsWith('%') ? Number.parseFloat(part) * 2.55 : Number(part)))
}

function portablePixmap(bytes: Buffer) {
  const [head = '', width = '', height = ''] =
    /^P6\s+(\d+)\s+(\d+)\s+255\s/.exec(bytes.subarray(0, 40).toString('latin1')) ?? []
  const at = (share: number) => {
    const x = Math.floor(Number(width) * share)
    const offset = head.length + (Math.floor(Number(height) / 2) * Number(width) + x) * 3
    return [...bytes.subarray(offset, offset + 3)]
  }
  return { left: at(1 / 6), right: at(5 / 6) }
}
