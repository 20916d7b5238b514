import { join } from 'node:path'
import type { Bench, Comparison, Entry } from '../bench.js'
import { startConverter, warmUp } from '../converter.js'
import { makePhotograph } from '../pictures.js'
import { startImaginary } from '../rivals/imaginary.js'
import type { RenditionRequest } from '../rivals/sharp.js'
import { findImageMagick, findSharpCli } from '../rivals/tools.js'
import { timed } from '../timed.js'

const width = 720
const formats = ['webp', 'jpeg', 'avif'] as const

export const convertRivals: Bench = {
  name: 'convert-rivals',
  about: 'a 6 MP JPEG to 720 px, beside servers and tools that do the same',
  guarantees: 'type detected, limits, SHA-256 both ways, preview, work in a killable child process',
  async open(context) {
    const path = await makePhotograph(context.folder)
    const converter = await startConverter(context)
    await warmUp(converter, path, context.short ? 0 : 20)
    const imaginary = await startImaginary(context)
    const tools = await Promise.all([findImageMagick(), findSharpCli()])

    const comparison = (
      format: (typeof formats)[number],
      rival: { readonly name: string; readonly version: string },
      rivalGuarantees: string,
      work: (request: RenditionRequest) => Promise<unknown>,
    ): Comparison => ({
      variant: format,
      rival: rival.name,
      rivalGuarantees,
      versions: { [rival.name]: rival.version },
      unit: 'ms',
      // The floor: not slower in WebP. The goal: not slower in any format.
      ...(format === 'webp' ? { floor: { atMost: 1 } } : {}),
      goal: { atMost: 1 },
      ours: () => timed(() => converter.convert(path, [{ format, width }])),
      theirs: () => timed(() => work({ format, width })),
    })
    const missing = (rival: string, absent: string): Entry => ({ rival, absent })

    return [
      {
        rival: 'imgproxy',
        absent: 'imgproxy 4 cannot be fetched as a Go module',
        notInstallable: true,
      },
      ...('missing' in imaginary
        ? [missing('imaginary', imaginary.missing)]
        : // imaginary writes no AVIF with Debian's libvips 8.14.
          (['webp', 'jpeg'] as const).map((format) =>
            comparison(format, imaginary, 'no time limit, no spool, no hash', (request) =>
              imaginary.convert(path, request),
            ),
          )),
      ...tools.flatMap((tool, index) =>
        'missing' in tool
          ? [missing(index === 0 ? 'ImageMagick' : 'sharp-cli', tool.missing)]
          : formats.map((format) =>
              comparison(format, tool, 'one process per call, whose start counts', (request) =>
                tool.convert(path, join(context.folder, `${tool.name}.${format}`), request),
              ),
            ),
      ),
    ]
  },
}
