import type { Server } from '@grpc/grpc-js'
import { loadSync, type PackageDefinition } from '@grpc/proto-loader'
import { ReflectionService } from '@grpc/reflection'
import { protoDirectory } from '@herald/proto/load'
import { HealthImplementation, protoPath } from 'grpc-health-check'
import descriptor, { type IDescriptorProto } from 'protobufjs/ext/descriptor/index.js'

const converterService = 'herald.converter.v1.ConverterService'

/** Standard health checks and reflection, for Kubernetes and grpcurl. */
export function addStandardServices(server: Server): { setServing(serving: boolean): void } {
  const health = new HealthImplementation()
  health.addToServer(server)
  new ReflectionService({
    ...reflectedPackage('herald/converter/v1/converter.proto', [protoDirectory]),
    ...reflectedPackage(protoPath),
  }).addToServer(server)
  return {
    setServing(serving) {
      const status = serving ? 'SERVING' : 'NOT_SERVING'
      // The empty name is the server as a whole.
      for (const name of ['', converterService]) health.setStatus(name, status)
    },
  }
}

const { FileDescriptorProto } = descriptor

/**
 * A proto file for the reflection service: field names as written, and map entries named as the
 * language requires (`versions` has a `VersionsEntry`). protobufjs names them `Versions`, for which
 * Go clients reject the whole file.
 */
function reflectedPackage(path: string, includeDirs: string[] = []): PackageDefinition {
  const definition = loadSync(path, { keepCase: true, includeDirs })
  for (const entry of Object.values(definition)) {
    if (!Array.isArray(entry.fileDescriptorProtos)) continue
    entry.fileDescriptorProtos = entry.fileDescriptorProtos.map((bytes: Buffer) => {
      const file = FileDescriptorProto.decode(bytes).toJSON()
      for (const message of file['messageType'] ?? []) nameMapEntries(message)
      return Buffer.from(FileDescriptorProto.encode(FileDescriptorProto.fromObject(file)).finish())
    })
  }
  return definition
}

function nameMapEntries(message: IDescriptorProto): void {
  for (const nested of message.nestedType ?? []) {
    nameMapEntries(nested)
    if (!nested.options?.mapEntry) continue
    const field = message.field?.find(({ typeName }) => typeName === nested.name)
    nested.name = `${camelCase(field?.name ?? nested.name ?? '')}Entry`
    if (field) field.typeName = nested.name
  }
}

function camelCase(name: string): string {
  return name.replace(/(?:^|_)([a-z])/g, (_match, letter: string) => letter.toUpperCase())
}
