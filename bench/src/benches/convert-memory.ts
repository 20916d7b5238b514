import { availableParallelism } from 'node:os'
import type { Bench, Comparison } from '../bench.js'
import { type RunningConverter, startConverter } from '../converter.js'
import { peakProportionalMebibytes } from '../memory.js'
import { perSecond } from '../per-second.js'
import { makeLargePhotograph } from '../pictures.js'
import { startBareProgram } from '../rivals/bare-program.js'

const width = 2000
const format = 'jpeg'

export const convertMemory: Bench = {
  name: 'convert-memory',
  about: 'peak memory (PSS) of all processes during 100 simultaneous uploads of 20 MB',
  guarantees: 'bounded queue, uploads on disk, a memory limit per child process',
  async open(context) {
    const path = await makeLargePhotograph(context.folder)
    const many = context.short ? 6 : 100
    const few = context.short ? 2 : 10
    const peak = async (converter: RunningConverter, uploads: number) =>
      peakProportionalMebibytes(converter.pid, () =>
        perSecond(uploads, uploads, () => converter.convert(path, [{ format, width }])),
      )
    // Two services, so that memory which one run leaves does not count in the other.
    const converters = await Promise.all(
      [many, few].map(() => startConverter(context, { HERALD_QUEUE: '200', HERALD_TIMEOUT: '2m' })),
    )
    const [withMany, withFew] = converters as [RunningConverter, RunningConverter]
    const cores = availableParallelism()
    const bare = startBareProgram({ path, format, width, concurrency: cores, images: many })
    context.defer(bare.stop)
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
        ours: () => peak(withMany, many),
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
        ours: () => peak(withMany, many),
        theirs: () => peak(withFew, few),
      },
    ] satisfies Comparison[]
  },
}
