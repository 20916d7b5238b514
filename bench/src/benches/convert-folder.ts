import { execFile } from 'node:child_process'
import { copyFile, mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Bench, Comparison } from '../bench.js'
import { startConverter } from '../converter.js'
import { freshData } from '../notifier.js'
import { runConcurrently } from '../per-second.js'
import { makePhotograph } from '../pictures.js'
import { timed } from '../timed.js'

const bin = fileURLToPath(new URL('../../../../client/bin/herald.js', import.meta.url))
const run = promisify(execFile)
const jobs = 3

export const convertFolder: Bench = {
  name: 'convert-folder',
  about: `herald convert of a folder of 6 MP JPEGs to 720 px, ${jobs} jobs, from the command to its end`,
  guarantees: 'outbox, file and folder synced, each file announced to the embedded broker',
  async open(context) {
    const files = context.short ? 4 : 40
    const data = freshData(context)
    const photos = join(data, 'photos')
    await mkdir(photos)
    const path = await makePhotograph(context.folder)
    for (let at = 0; at < files; at++) await copyFile(path, join(photos, `${at}.jpg`))
    const converter = await startConverter(context)
    const args = ['convert', photos, '-r', '--to', 'webp', '--width', '720', '--force', '--json']
    const env = {
      PATH: '/usr/local/bin:/usr/bin:/bin',
      HERALD_CONVERTER: converter.address,
      HERALD_DATA: data,
    }
    return [
      {
        rival: 'a bare loop over the service',
        rivalGuarantees: 'nothing saved, nothing announced',
        unit: 'ms',
        floor: { atMost: 1.5 },
        goal: { atMost: 1.1 },
        rounds: 5,
        ours: () =>
          timed(() =>
            run(
              process.execPath,
              [bin, ...args, '--jobs', `${jobs}`, '--out', join(data, 'renditions')],
              {
                env,
              },
            ),
          ),
        theirs: () =>
          timed(async () => {
            const names = await readdir(photos)
            await runConcurrently(files, jobs, (at) =>
              converter.convert(join(photos, names[at] as string), [
                { format: 'webp', width: 720 },
              ]),
            )
          }),
      },
    ] satisfies Comparison[]
  },
}
