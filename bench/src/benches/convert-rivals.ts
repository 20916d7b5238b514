import { join } from 'node:path'
import type { Bench, Contest, Entry } from '../bench.js'
import { startConverter, warmUp } from '../converter.js'
import { makePhotograph } from '../pictures.js'
import { startImaginary } from '../rivals/imaginary.js'
import type { Asked } from '../rivals/sharp.js'
import { findImageMagick, findSharpCli } from '../rivals/tools.js'
import { timed } from '../timed.js'

const width = 720
const formats = ['webp', 'jpeg', 'avif'] as const

export const convertRivals: Bench = {
  name: 'convert-rivals',
  about: 'a 6 MP JPEG to 720 px, beside servers and tools that do the same',
  guarantees:
    'type sniffed, limits, SHA-256 both ways, preview, work in a child that can be killed',
  async open(stage) {
    const path = await makePhotograph(stage.folder)
    const converter = await startConverter(stage)
    await warmUp(converter, path, stage.short ? 0 : 20)
    const imaginary = await startImaginary(stage)
    const tools = await Promise.all([findImageMagick(), findSharpCli()])

    const contest = (
      format: (typeof formats)[number],
      rival: { readonly name: string; readonly version: string },
      rivalGuarantees: string,
      work: (asked: Asked) => Promise<unknown>,
    ): Contest => ({
      variant: format,
      rival: rival.name,
      rivalGuarantees,
      versions: { [rival.name]: rival.version },
      unit: 'ms',
      // Ahead on WebP is the floor, ahead on all the goal.
      ...(format === 'webp' ? { floor: { atMost: 1 } } : {}),
      goal: { atMost: 1 },
      ours: () => timed(() => converter.convert(path, [{ format, width }])),
      theirs: () => timed(() => work({ format, width })),
    })
    const missing = (rival: string, absent: string): Entry => ({ rival, absent })

    return [
      {
        rival: 'imgproxy',
        absent: 'the Go module proxy refuses imgproxy 4, and nothing here drives it yet',
        nowhere: true,
      },
      ...('missing' in imaginary
        ? [missing('imaginary', imaginary.missing)]
        : // Debian's libvips of 2022 writes no AVIF from there.
          (['webp', 'jpeg'] as const).map((format) =>
            contest(format, imaginary, 'no limit of time, nothing spooled, no hash', (asked) =>
              imaginary.convert(path, asked),
            ),
          )),
      ...tools.flatMap((tool, index) =>
        'missing' in tool
          ? [missing(index === 0 ? 'ImageMagick' : 'sharp-cli', tool.missing)]
          : formats.map((format) =>
              contest(format, tool, 'one shot: the start of its process counts', (asked) =>
                tool.convert(path, join(stage.folder, `${tool.name}.${format}`), asked),
              ),
            ),
      ),
    ]
  },
}
