import type { Bench, Contest } from '../bench.js'
import { startConverter, warmUp } from '../converter.js'
import { makePhotograph } from '../pictures.js'
import { type Asked, bareSharp } from '../rivals/sharp.js'
import { timed } from '../timed.js'

const renditions: readonly Asked[] = [
  { format: 'webp', width: 1600 },
  { format: 'webp', width: 720 },
  { format: 'jpeg', width: 720 },
  { format: 'jpeg', width: 320 },
  { format: 'avif', width: 320 },
]

export const convertRenditions: Bench = {
  name: 'convert-renditions',
  about: 'five renditions of one upload of a 6 MP JPEG',
  guarantees:
    'type sniffed, limits, SHA-256 both ways, preview, work in children that can be killed',
  async open(stage) {
    const path = await makePhotograph(stage.folder)
    const converter = await startConverter(stage)
    await warmUp(converter, path, stage.short ? 0 : 20)
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
        rivalGuarantees: 'none: in process, no limit of time, no upload',
        unit: 'files/s',
        floor: { atLeast: 0.7 },
        goal: { atLeast: 0.85 },
        ours,
        theirs: () => rate(() => Promise.all(renditions.map((each) => bareSharp(path, each)))),
      },
    ] satisfies Contest[]
  },
}
