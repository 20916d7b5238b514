import { S3Client } from '@aws-sdk/client-s3'
import type { BlobLocation } from './blob-url.js'

/** How long a server may give no sign of life. */
export interface S3Limits {
  readonly connectMs: number
  /** For an answer, over all attempts; not for a put. */
  readonly answerMs: number
  /** Between two bytes of a blob. The SDK begins to watch a put after 3 s, and tries it twice. */
  readonly silenceMs: number
}

export const usualLimits: S3Limits = { connectMs: 5_000, answerMs: 15_000, silenceMs: 12_000 }

/**
 * Every slow reader of a blob holds a connection. With the SDK's limit of 50, others would then wait for
 * one until their time is over.
 */
const agents = {
  httpAgent: { maxSockets: Number.POSITIVE_INFINITY },
  httpsAgent: { maxSockets: Number.POSITIVE_INFINITY },
}

interface S3Clients {
  /** Sends a command other than a put. Rejects with AbortError after `answerMs`. */
  readonly send: S3Client['send']
  readonly putClient: S3Client
  close(): void
}

export function openS3Clients(
  { endpoint, region }: Extract<BlobLocation, { kind: 's3' }>,
  { connectMs, answerMs, silenceMs }: S3Limits,
): S3Clients {
  const open = (maxAttempts: number, socketTimeout: number) =>
    new S3Client({
      ...(region === undefined ? {} : { region }),
      ...(endpoint === undefined
        ? {}
        : // A server other than AWS has no regions; a signature needs one.
          { endpoint, forcePathStyle: true, region: region ?? 'us-east-1' }),
      maxAttempts,
      requestHandler: { connectionTimeout: connectMs, socketTimeout, ...agents },
    })
  // A get must not end because its reader is slow, which the SDK cannot tell from a silent server.
  const client = open(3, 0)
  const putClient = open(2, silenceMs)
  return {
    putClient,
    async send(command: never) {
      const abort = new AbortController()
      const timer = setTimeout(() => abort.abort(), answerMs)
      try {
        return await client.send(command, { abortSignal: abort.signal })
      } finally {
        clearTimeout(timer)
      }
    },
    close() {
      client.destroy()
      putClient.destroy()
    },
  }
}
