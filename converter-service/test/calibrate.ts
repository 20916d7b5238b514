// Measures the table of src/estimate-table.ts on this machine and prints it:
//   node converter-service/dist/test/calibrate.js [folder of pictures]
// Processor time counts, so that other work on the machine does little harm. Some minutes.
import { writeFile } from 'node:fs/promises'
import { detailOf, sourceCost, textureOf } from '@herald/converter-service/estimate'
import { costTable } from '@herald/converter-service/estimate-table'
import { fitNonNegative, type Observation } from './fit-non-negative.js'
import { measureAll, measureEfforts, type Sample } from './measure-work.js'

const samples = await measureAll(process.argv[2])
if (process.env['SAMPLES']) await writeFile(process.env['SAMPLES'], JSON.stringify(samples))

const round = (value = 0) => Number(value.toPrecision(3))
const time = fitNonNegative(samples.map((sample) => ({ y: sample.cpuMs, x: costs(sample) })))
const memory = fitNonNegative(
  samples
    .filter(({ grownBytes }) => grownBytes > 8e6)
    .map(
      (sample): Observation => ({
        y: sample.grownBytes / 1e6,
        x: {
          [`from ${sourceKey(sample)}`]: mpxRead(sample),
          [`to ${sample.target}`]: mpxMade(sample),
        },
      }),
    ),
)
const keys = (side: string, of: Record<string, unknown>) =>
  Object.keys(of).filter((key) =>
    samples.some((sample) => (side === 'from' ? sourceKey(sample) : sample.target) === key),
  )

console.log(
  JSON.stringify(
    {
      samples: samples.length,
      taskMs: round(time['task']),
      resizeMsPerMpx: round(time['resize']),
      sources: Object.fromEntries(
        keys('from', costTable.sources).map((key) => [
          key,
          {
            msPerMpx: round(time[`from ${key}`]),
            msPerMB: round(time[`bytes ${key}`]),
            memory: round(memory[`from ${key}`]),
          },
        ]),
      ),
      targets: Object.fromEntries(
        keys('to', costTable.targets).map((key) => [
          key,
          {
            msPerMpx: round(time[`to ${key}`]),
            msPerMpxOfTexture: round(time[`texture ${key}`]),
            msPerMpxOfDetail: round(time[`detail ${key}`]),
            memory: round(memory[`to ${key}`]),
          },
        ]),
      ),
      efforts: await measureEfforts(),
    },
    null,
    1,
  ),
)

function costs(sample: Sample): Record<string, number> {
  const { source } = sample
  const from = sourceKey(sample)
  const detail = detailOf(source, sourceCost(source, sample.made))
  const resized = sample.made.width !== source.width
  return {
    task: 1,
    resize: resized ? mpxRead(sample) : 0,
    [`from ${from}`]: mpxRead(sample),
    [`bytes ${from}`]: (source.sizeBytes * (sample.made.pages / source.pages)) / 1e6,
    [`to ${sample.target}`]: mpxMade(sample),
    [`texture ${sample.target}`]: mpxMade(sample) * textureOf(detail),
    [`detail ${sample.target}`]: mpxMade(sample) * detail,
  }
}

function sourceKey({ source, made }: Sample): string {
  const found = Object.entries(costTable.sources).find(
    ([, cost]) => cost === sourceCost(source, made),
  )
  return found?.[0] ?? source.format
}
function mpxRead({ source, made }: Sample): number {
  return (source.width * source.height * made.pages) / 1e6
}
function mpxMade({ made }: Sample): number {
  return (made.width * made.height * made.pages) / 1e6
}
