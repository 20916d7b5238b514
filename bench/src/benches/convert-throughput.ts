import { availableParallelism } from 'node:os'
import type { Bench, Bound, Contest } from '../bench.js'
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
  guarantees:
    'type sniffed, limits, SHA-256 both ways, preview, work in children that can be killed',
  async open(stage) {
    const path = await makePhotograph(stage.folder)
    const converter = await startConverter(stage)
    await warmUp(converter, path, stage.short ? 0 : 20)
    const images = stage.short ? cores * 2 : cores * 16
    return (['webp', 'jpeg'] as const).map(
      (format): Contest => ({
        variant: format,
        rival: `bare sharp, ${cores} at a time`,
        rivalGuarantees: 'none: in process, no limit of time, no upload',
        unit: 'images/s',
        ...bounds[format],
        rounds: 9,
        // Twice as many under way as cores: while one uploads another is worked on.
        ours: () =>
          perSecond(images, cores * 2, () => converter.convert(path, [{ format, width }])),
        theirs: () => perSecond(images, cores, () => bareSharp(path, { format, width })),
      }),
    )
  },
}
