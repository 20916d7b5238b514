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
  S3Client,
} from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { type BlobStore, checkKey, existsError, missingError } from './blob-store.js'
import type { BlobLocation } from './blob-url.js'
import { s3Error, s3StatusOf } from './s3-errors.js'

const connectTimeoutMs = 5_000
/** Without a byte in either direction. */
const silenceTimeoutMs = 15_000
const maxAttempts = 3
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
): Promise<BlobStore> {
  const { bucket: Bucket, prefix, endpoint, region } = location
  const name = `s3://${Bucket}${prefix === '' ? '' : `/${prefix.slice(0, -1)}`}`
  const client = new S3Client({
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined
      ? {}
      : // A server other than AWS has no regions; a signature needs one.
        { endpoint, forcePathStyle: true, region: region ?? 'us-east-1' }),
    maxAttempts,
    requestHandler: { connectionTimeout: connectTimeoutMs, socketTimeout: silenceTimeoutMs },
  })
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
      return await client.send(new HeadObjectCommand(object))
    } catch (error) {
      if (s3StatusOf(error) === 404) return undefined
      throw error
    }
  }

  try {
    await withS3Errors(() => client.send(new HeadBucketCommand({ Bucket })))
  } catch (error) {
    client.destroy()
    throw error
  }
  return {
    name,
    put: (key, source) => {
      const object = objectOf(key)
      const Body = source instanceof Readable ? source : createReadStream(source.path)
      const putId = randomUUID()
      return withS3Errors(async () => {
        try {
          const params = { ...object, Body, IfNoneMatch: '*', Metadata: { [putIdName]: putId } }
          await new Upload({ client, params, partSize: partBytes, queueSize: partsAtOnce }).done()
        } catch (error) {
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
          const { Body } = await client.send(new GetObjectCommand({ ...object, Range }))
          return Body as Readable
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
      return withS3Errors(async () => void (await client.send(new DeleteObjectCommand(object))))
    },
    async *list(keyPrefix) {
      let ContinuationToken: string | undefined
      do {
        const page = await withS3Errors(() =>
          client.send(
            new ListObjectsV2Command({ Bucket, Prefix: prefix + keyPrefix, ContinuationToken }),
          ),
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
          const page = await client.send(
            new ListMultipartUploadsCommand({ Bucket, Prefix: prefix, ...after }),
          )
          for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
            if ((Initiated?.getTime() ?? Date.now()) >= beforeMs) continue
            await client
              .send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }))
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
      client.destroy()
    },
  }
}
