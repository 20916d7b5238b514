import { availableParallelism } from 'node:os'
import type { Bench, Contest } from '../bench.js'
import { type RunningConverter, startConverter } from '../converter.js'
import { peakProportionalMebibytes } from '../memory.js'
import { perSecond } from '../per-second.js'
import { makeLargePhotograph } from '../pictures.js'
import { startBareProgram } from '../rivals/bare-program.js'

const width = 2000
const format = 'jpeg'

export const convertMemory: Bench = {
  name: 'convert-memory',
  about: 'memory (PSS) of all processes at its highest while 100 uploads of 20 MB are under way',
  guarantees: 'bounded queue, uploads on disk, a limit of memory per child',
  async open(stage) {
    const path = await makeLargePhotograph(stage.folder)
    const many = stage.short ? 6 : 100
    const few = stage.short ? 2 : 10
    const peak = async (converter: RunningConverter, uploads: number) =>
      peakProportionalMebibytes(converter.pid, () =>
        perSecond(uploads, uploads, () => converter.convert(path, [{ format, width }])),
      )
    // A service of its own each: what one run leaves behind must not count in the other.
    const converters = await Promise.all(
      [many, few].map(() => startConverter(stage, { HERALD_QUEUE: '200', HERALD_TIMEOUT: '2m' })),
    )
    const [busy, calm] = converters as [RunningConverter, RunningConverter]
    const cores = availableParallelism()
    const bare = startBareProgram({ path, format, width, lanes: cores, images: many })
    stage.defer(bare.stop)
    const rounds = 5
    return [
      {
        variant: `${many} uploads`,
        rival: `bare sharp, ${cores} at a time`,
        rivalGuarantees: 'none: one process, files on disk',
        unit: 'MiB',
        floor: { atMost: 1.5 },
        goal: { atMost: 1.2 },
        rounds,
        ours: () => peak(busy, many),
        theirs: () => peakProportionalMebibytes(bare.pid, bare.run),
      },
      {
        variant: 'flatness',
        rival: `itself at ${few} uploads`,
        rivalGuarantees: 'the same',
        unit: 'MiB',
        floor: { atMost: 1.2 },
        goal: { atMost: 1.05 },
        rounds,
        ours: () => peak(busy, many),
        theirs: () => peak(calm, few),
      },
    ] satisfies Contest[]
  },
}
