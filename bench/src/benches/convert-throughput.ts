import { availableParallelism } from 'node:os'
import type { Bench, Bound, Comparison } from '../bench.js'
import { startConverter, warmUp } from '../converter.js'
import { perSecond } from '../per-second.js'
import { makePhotograph } from '../pictures.js'
import { bareSharp } from '../rivals/sharp.js'

const width = 720
const cores = availableParallelism()
const bounds: Readonly<Record<'webp' | 'jpeg', { floor: Bound; goal: Bound }>> = {
  webp: { floor: { atLeast: 0.78 }, goal: { atLeast: 0.9 } },
  jpeg: { floor: { atLeast: 0.6 }, goal: { atLeast: 0.75 } },
}

export const convertThroughput: Bench = {
  name: 'convert-throughput',
  about: 'a 6 MP JPEG to 720 px, all cores busy, the client on the same cores',
  guarantees: 'type detected, limits, SHA-256 both ways, preview, work in killable child processes',
  async open(context) {
    const path = await makePhotograph(context.folder)
    const converter = await startConverter(context)
    await warmUp(converter, path, context.short ? 0 : 20)
    const images = context.short ? cores * 2 : cores * 16
    return (['webp', 'jpeg'] as const).map(
      (format): Comparison => ({
        variant: format,
        rival: `bare sharp, ${cores} at a time`,
        rivalGuarantees: 'none: in process, no time limit, no upload',
        unit: 'images/s',
        ...bounds[format],
        rounds: 9,
        // Twice as many calls as cores: while one uploads, another is converted.
        ours: () =>
          perSecond(images, cores * 2, () => converter.convert(path, [{ format, width }])),
        theirs: () => perSecond(images, cores, () => bareSharp(path, { format, width })),
      }),
    )
  },
}
