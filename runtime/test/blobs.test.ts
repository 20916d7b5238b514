import { randomUUID } from 'node:crypto'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe } from 'vitest'
import { describeBlobStore } from './blob-conformance.js'
import { noS3Server, type S3Server, startS3Server } from './s3-server.js'
import { scratchFolder } from './scratch-folder.js'

describeBlobStore('file', async () => pathToFileURL(scratchFolder()).href)

describe.skipIf(noS3Server !== '')(`on versitygw${noS3Server}`, () => {
  let server: S3Server
  beforeAll(async () => {
    server = await startS3Server()
    Object.assign(process.env, server.credentials)
  })
  afterAll(() => server?.close())

  describeBlobStore('s3', () => server.bucket(`b-${randomUUID()}`))
  describeBlobStore('s3 with a prefix', async () =>
    (await server.bucket(`b-${randomUUID()}`)).replace('?', '/herald/results?'),
  )
})
