import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { type Client, credentials, loadPackageDefinition } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { protoPath } from 'grpc-health-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ConverterUnderTest, startConverter } from './converter-under-test.js'

let converter: ConverterUnderTest
beforeAll(async () => {
  converter = await startConverter({ children: 1 })
})
afterAll(() => converter.close())

type Stub = Client & Record<string, (...args: unknown[]) => never>

/** A client made from the standard's own proto. */
function clientOf(proto: string, path: string): Stub {
  const loaded = loadPackageDefinition(loadSync(proto, { enums: String, oneofs: true }))
  const Service = path.split('.').reduce((at, name) => at[name] as never, loaded) as never as new (
    ...args: unknown[]
  ) => Stub
  return new Service(converter.address, credentials.createInsecure())
}

test.each(['', 'herald.converter.v1.ConverterService'])(
  'the health service reports %j as serving',
  async (service) => {
    const client = clientOf(protoPath, 'grpc.health.v1.Health')
    const answer = await new Promise((resolve, reject) =>
      client['check']?.({ service }, (error: unknown, value: unknown) =>
        error ? reject(error) : resolve(value),
      ),
    )
    client.close()
    expect(answer).toEqual({ status: 'SERVING' })
  },
)

test('reflection lists the services and describes the contract', async () => {
  const root = dirname(createRequire(import.meta.url).resolve('@grpc/reflection'))
  const proto = join(root, '../proto/grpc/reflection/v1/reflection.proto')
  const client = clientOf(proto, 'grpc.reflection.v1.ServerReflection')
  const call = client['serverReflectionInfo']?.() as unknown as NodeJS.ReadWriteStream
  const ask = (request: object) =>
    new Promise<Record<string, unknown>>((resolve, reject) => {
      call.once('data', resolve).once('error', reject)
      call.write(request as never)
    })
  const { listServicesResponse } = await ask({ listServices: '' })
  const names = (listServicesResponse as { service: { name: string }[] }).service.map(
    ({ name }) => name,
  )
  expect(names).toEqual(
    expect.arrayContaining(['herald.converter.v1.ConverterService', 'grpc.health.v1.Health']),
  )
  const { fileDescriptorResponse } = await ask({
    fileContainingSymbol: 'herald.converter.v1.ConverterService.Convert',
  })
  const [file] = (fileDescriptorResponse as { fileDescriptorProto: Buffer[] }).fileDescriptorProto
  const text = file?.toString('latin1')
  expect(text).toContain('RenditionSpec')
  // Clients in Go refuse a file whose map entries are named otherwise.
  expect(text).toContain('VersionsEntry')
  expect(text, 'names as they are written').toContain('every_page')
  call.end()
  client.close()
})

test('ListFormats returns formats, limits and versions', async () => {
  const answer = await new Promise<Record<string, unknown>>((resolve, reject) =>
    converter.client.listFormats({}, (error, value) =>
      error ? reject(error) : resolve(value as never),
    ),
  )
  expect(answer).toMatchObject({
    limits: { maxBytes: 100_000_000, maxPixels: 50_000_000, timeoutMs: 30_000, maxRenditions: 16 },
    versions: { sharp: expect.any(String), vips: expect.any(String) },
  })
  const formats = answer['formats'] as { name: string }[]
  const named = (name: string) => formats.find((format) => format.name === name)
  expect(named('webp')).toMatchObject({
    mediaType: 'image/webp',
    extensions: ['webp'],
    readable: true,
    writable: true,
    lossless: true,
    defaultQuality: 80,
    engine: 'image',
    unavailableReason: '',
  })
  expect(named('svg')).toMatchObject({ readable: true, writable: false, lossless: false })
  expect(named('png')).not.toHaveProperty('defaultQuality')
  expect(named('heic')).toMatchObject({ readable: true, writable: false, unavailableReason: '' })
})
