import type { Bench, Bound, Comparison } from '../bench.js'
import { startConverter, warmUp } from '../converter.js'
import { makePhotograph } from '../pictures.js'
import { bareSharp, bareSharpWithPreview } from '../rivals/sharp.js'
import { timed } from '../timed.js'

const width = 720
const bounds: Readonly<Record<'webp' | 'jpeg' | 'avif', { floor: Bound; goal: Bound }>> = {
  webp: { floor: { atMost: 1.2 }, goal: { atMost: 1.1 } },
  jpeg: { floor: { atMost: 1.45 }, goal: { atMost: 1.25 } },
  avif: { floor: { atMost: 1.1 }, goal: { atMost: 1.05 } },
}

export const convertLatency: Bench = {
  name: 'convert-latency',
  about: 'a 6 MP JPEG to 720 px through gRPC, upload and download included',
  guarantees: 'type detected, limits, SHA-256 both ways, preview, work in a killable child process',
  async open(context) {
    const path = await makePhotograph(context.folder)
    const converter = await startConverter(context)
    const times = context.short ? 1 : 3
    await warmUp(converter, path, context.short ? 0 : 20)
    return (['webp', 'jpeg', 'avif'] as const).flatMap((format): Comparison[] => {
      const common = {
        unit: 'ms',
        rounds: 15,
        ours: () => timed(() => converter.convert(path, [{ format, width }]), times),
      }
      return [
        {
          ...common,
          variant: format,
          rival: 'bare sharp',
          rivalGuarantees: 'none: in process, no time limit, no upload, no preview',
          ...bounds[format],
          theirs: () => timed(() => bareSharp(path, { format, width }), times),
        },
        {
          ...common,
          variant: `${format} and its preview`,
          rival: 'bare sharp, both of the same pixels',
          rivalGuarantees: 'none: in process, no time limit, no upload',
          theirs: () => timed(() => bareSharpWithPreview(path, { format, width }), times),
        },
      ]
    })
  },
}
