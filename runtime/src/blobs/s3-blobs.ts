import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
} from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { type BlobStore, checkKey, existsError, missingError } from './blob-store.js'
import type { BlobLocation } from './blob-url.js'
import { openS3Clients, type S3Limits, usualLimits } from './s3-client.js'
import { s3Error, s3StatusOf } from './s3-errors.js'

/** A blob of one part is put by one request. At most 10,000 parts: 80 GB. */
const partBytes = 8 * 1024 ** 2
const partsAtOnce = 2

/** Marks the put that made a blob: S3 keeps it with the bytes. */
const putIdName = 'herald-put'

/**
 * Blobs as objects of a bucket, under a prefix. A put is refused by `If-None-Match: *` if the object
 * exists. A server with an address of its own is called by path: https://host/bucket/key.
 */
export async function openS3Blobs(
  location: Extract<BlobLocation, { kind: 's3' }>,
  limits: S3Limits = usualLimits,
): Promise<BlobStore> {
  const { bucket: Bucket, prefix, endpoint } = location
  const name = `s3://${Bucket}${prefix === '' ? '' : `/${prefix.slice(0, -1)}`}`
  const { send, putClient, close } = openS3Clients(location, limits)
  const place = { name, bucket: Bucket, endpoint }
  const withS3Errors = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      throw s3Error(place, error)
    }
  }
  const objectOf = (key: string) => {
    checkKey(key)
    return { Bucket, Key: prefix + key }
  }
  /** Undefined if there is none. */
  const headOf = async (object: { Bucket: string; Key: string }) => {
    try {
      return await send(new HeadObjectCommand(object))
    } catch (error) {
      if (s3StatusOf(error) === 404) return undefined
      throw error
    }
  }

  try {
    await withS3Errors(async () => {
      try {
        await send(new HeadBucketCommand({ Bucket }))
      } catch (error) {
        if (s3StatusOf(error) === undefined) throw error
        // The answer to a HEAD has no body, which would name the reason.
        await send(new ListObjectsV2Command({ Bucket, Prefix: prefix, MaxKeys: 1 }))
      }
    })
  } catch (error) {
    close()
    throw error
  }
  return {
    name,
    put: (key, source) => {
      const object = objectOf(key)
      const Body = source instanceof Readable ? source : createReadStream(source.path)
      const putId = randomUUID()
      return withS3Errors(async () => {
        const upload = new Upload({
          client: putClient,
          params: { ...object, Body, IfNoneMatch: '*', Metadata: { [putIdName]: putId } },
          partSize: partBytes,
          queueSize: partsAtOnce,
          leavePartsOnError: true,
        })
        try {
          await upload.done()
        } catch (error) {
          // A server that is silent would not answer this either; `removeUnfinished` does it later.
          if (upload.uploadId !== undefined && (error as Error).name !== 'TimeoutError') {
            const unfinished = { ...object, UploadId: upload.uploadId }
            await send(new AbortMultipartUploadCommand(unfinished)).catch(() => {})
          }
          const isRefused = s3StatusOf(error) === 412
          if (!isRefused && (error as Error).name !== 'NoSuchUpload') throw error
          // If the reply to a request was lost, the SDK has repeated it.
          const { Metadata } = (await headOf(object)) ?? {}
          if (Metadata?.[putIdName] !== putId) throw isRefused ? existsError(name, key) : error
        } finally {
          Body.destroy()
        }
      })
    },
    get: (key, range) => {
      const object = objectOf(key)
      const Range = range && `bytes=${range.start}-${range.end}`
      return withS3Errors(async () => {
        try {
          const { Body } = await send(new GetObjectCommand({ ...object, Range }))
          const body = Body as Readable
          const bytes = Readable.from(bytesOf(body, limits.silenceMs, withS3Errors), {
            objectMode: false,
          })
          // A generator that never began runs no `finally`, and the body would keep its connection.
          return bytes.once('close', () => body.destroy())
        } catch (error) {
          // A missing bucket has the same status.
          if ((error as Error).name === 'NoSuchKey') throw missingError(name, key)
          throw error
        }
      })
    },
    head: (key) => {
      const object = objectOf(key)
      return withS3Errors(async () => {
        const head = await headOf(object)
        return (
          head && {
            sizeBytes: head.ContentLength ?? 0,
            modifiedAtMs: head.LastModified?.getTime() ?? 0,
          }
        )
      })
    },
    delete: (key) => {
      const object = objectOf(key)
      return withS3Errors(async () => void (await send(new DeleteObjectCommand(object))))
    },
    async *list(keyPrefix) {
      let ContinuationToken: string | undefined
      do {
        const page = await withS3Errors(() =>
          send(new ListObjectsV2Command({ Bucket, Prefix: prefix + keyPrefix, ContinuationToken })),
        )
        for (const { Key = '', Size = 0, LastModified } of page.Contents ?? []) {
          const modifiedAtMs = LastModified?.getTime() ?? 0
          yield { key: Key.slice(prefix.length), sizeBytes: Size, modifiedAtMs }
        }
        ContinuationToken = page.NextContinuationToken
      } while (ContinuationToken !== undefined)
    },
    removeUnfinished: (beforeMs) =>
      withS3Errors(async () => {
        let after: { KeyMarker?: string | undefined; UploadIdMarker?: string | undefined } = {}
        do {
          const page = await send(
            new ListMultipartUploadsCommand({ Bucket, Prefix: prefix, ...after }),
          )
          for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
            if ((Initiated?.getTime() ?? Date.now()) >= beforeMs) continue
            await send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }))
              // It has ended meanwhile.
              .catch((error: unknown) => {
                if (s3StatusOf(error) !== 404) throw error
              })
          }
          after = page.IsTruncated
            ? { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker }
            : {}
        } while (after.KeyMarker !== undefined)
      }),
    async close() {
      close()
    },
  }
}

/** The bytes of a blob. Fails after `silenceMs` without one, if the reader waits for it. */
async function* bytesOf(
  body: Readable,
  silenceMs: number,
  withS3Errors: <T>(work: () => Promise<T>) => Promise<T>,
): AsyncGenerator<Buffer> {
  const chunks = body[Symbol.asyncIterator]()
  const silent = Object.assign(new Error('the server sends nothing more'), { name: 'TimeoutError' })
  try {
    for (;;) {
      const timer = setTimeout(() => body.destroy(silent), silenceMs)
      const { done, value } = await withS3Errors(() => chunks.next()).finally(() =>
        clearTimeout(timer),
      )
      if (done) return
      yield value
    }
  } finally {
    body.destroy()
  }
}
