import { dirname, join, resolve } from 'node:path'
import type { JobStore } from '@herald/broker/job-store'
import { placeFiles, removeTemporary, withdrawFiles } from '@herald/broker/place-files'
import { HeraldError } from '@herald/proto/errors'
import { outputNames } from '@herald/runtime/output-name'
import { saveRendition } from '../rendition-file.js'
import type { Job } from './open-jobs.js'

/**
 * Saves the renditions of a finished job in `folder` and resolves to their paths; to none for another
 * job. Rejects with HERALD_FILE_EXISTS if a name is taken by other content, and then saves none.
 */
export async function fetchResults(store: JobStore, job: Job, folder: string): Promise<string[]> {
  const { converted, resultKeys = [] } = job.ended ?? {}
  const files = []
  for (const [index, rendition] of (converted?.renditions ?? []).entries()) {
    const finalPath = join(resolve(folder), safeName(rendition.name))
    const file = await saveRendition(dirname(finalPath))
    try {
      for await (const chunk of await store.blobs.get(resultKeys[index] ?? '')) {
        await file.write(chunk as Buffer)
      }
      await file.complete(rendition)
    } catch (error) {
      await file.discard()
      throw error
    }
    files.push({ temporaryPath: file.temporaryPath, finalPath, sha256: rendition.sha256 })
  }
  try {
    await placeFiles(files, false)
  } catch (error) {
    await withdrawFiles(files)
    if (!(error instanceof HeraldError && error.code === 'HERALD_FILE_EXISTS')) throw error
    throw new HeraldError(error.code, error.publicMessage, {
      remedy: 'Move it away, or choose another folder with --out.',
      cause: error,
    })
  }
  await removeTemporary(files)
  return files.map(({ finalPath }) => finalPath)
}

/** The name is from the blob store: it must not lead out of the folder. */
function safeName(name: string): string {
  const extension = name.slice(name.lastIndexOf('.') + 1)
  return outputNames(name, [/^\w+$/.test(extension) ? extension : 'bin'])[0] ?? name
}
