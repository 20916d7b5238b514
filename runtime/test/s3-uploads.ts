import { ListMultipartUploadsCommand, S3Client } from '@aws-sdk/client-s3'
import { parseBlobUrl } from '@herald/runtime/blobs'

/** The number of multipart uploads that were begun in that bucket and not ended. */
export async function unfinishedUploads(url: string): Promise<number> {
  const location = parseBlobUrl(url)
  if (location.kind !== 's3') throw new Error('not a bucket')
  const { bucket: Bucket, endpoint = '' } = location
  const client = new S3Client({ endpoint, forcePathStyle: true, region: 'us-east-1' })
  const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket }))
  client.destroy()
  return Uploads.length
}
