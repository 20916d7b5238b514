import type { Bench, Comparison } from '../bench.js'
import { startConverter, warmUp } from '../converter.js'
import { makePhotograph } from '../pictures.js'
import { bareSharp, type RenditionRequest } from '../rivals/sharp.js'
import { timed } from '../timed.js'

const renditions: readonly RenditionRequest[] = [
  { format: 'webp', width: 1600 },
  { format: 'webp', width: 720 },
  { format: 'jpeg', width: 720 },
  { format: 'jpeg', width: 320 },
  { format: 'avif', width: 320 },
]

export const convertRenditions: Bench = {
  name: 'convert-renditions',
  about: 'five renditions of one upload of a 6 MP JPEG',
  guarantees: 'type detected, limits, SHA-256 both ways, preview, work in killable child processes',
  async open(context) {
    const path = await makePhotograph(context.folder)
    const converter = await startConverter(context)
    await warmUp(converter, path, context.short ? 0 : 20)
    const rate = async (work: () => Promise<unknown>) => 1000 / (await timed(work))
    const ours = () => rate(() => converter.convert(path, renditions))
    return [
      {
        variant: 'sequence',
        rival: 'five uploads in sequence',
        rivalGuarantees: 'the same',
        unit: 'files/s',
        floor: { atLeast: 1.6 },
        goal: { atLeast: 2 },
        ours,
        theirs: () =>
          rate(async () => {
            for (const each of renditions) await converter.convert(path, [each])
          }),
      },
      {
        variant: 'bare',
        rival: 'bare sharp, all five in parallel',
        rivalGuarantees: 'none: in process, no time limit, no upload',
        unit: 'files/s',
        floor: { atLeast: 0.7 },
        goal: { atLeast: 0.85 },
        ours,
        theirs: () => rate(() => Promise.all(renditions.map((each) => bareSharp(path, each)))),
      },
    ] satisfies Comparison[]
  },
}
