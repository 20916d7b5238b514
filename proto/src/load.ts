import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ServiceDefinition } from '@grpc/grpc-js'
import type { Options } from '@grpc/proto-loader'
import protobuf from 'protobufjs/light.js'

/** The folder with `herald/…/*.proto`, for other loaders. */
export const protoDirectory = fileURLToPath(new URL('../../', import.meta.url))

/** How messages become objects; the generated types are made for these options. */
export const messageOptions = {
  longs: Number,
  enums: String,
  defaults: true,
  oneofs: true,
  arrays: true,
} satisfies Options

/** Compiled by `npm run generate`: parsing the .proto files takes twice the processor time. */
const contracts = protobuf.Root.fromJSON(
  JSON.parse(readFileSync(join(protoDirectory, 'herald/generated/contracts.json'), 'utf8')),
)

export interface MessageType<In extends object, Out extends object> {
  /** Throws TypeError or RangeError on a value that does not fit. */
  serialize(message: In): Buffer
  /** Every field is present, absent ones at their default. Throws on bytes that are not the message. */
  deserialize(bytes: Uint8Array | protobuf.Reader): Out
}

/** `name` is fully qualified: `herald.events.v1.FileConverted`. */
export function messageType<In extends object, Out extends object>(
  name: string,
): MessageType<In, Out> {
  return serializerOf<In, Out>(contracts.lookupType(name))
}

function serializerOf<In extends object, Out extends object>(
  type: protobuf.Type,
): MessageType<In, Out> {
  return {
    // In Node it is a Buffer.
    serialize: (message) => type.encode(type.fromObject(message)).finish() as Buffer,
    deserialize: (bytes) => type.toObject(type.decode(bytes), messageOptions) as Out,
  }
}

/** A service for grpc-js. */
export function serviceDefinition(name: string): ServiceDefinition {
  const service = contracts.lookupService(name)
  return Object.fromEntries(
    service.methodsArray.map((method) => {
      const { resolvedRequestType, resolvedResponseType } = method.resolve() as protobuf.Method
      const request = serializerOf(resolvedRequestType as protobuf.Type)
      const response = serializerOf(resolvedResponseType as protobuf.Type)
      const definition = {
        path: `/${name}/${method.name}`,
        // grpc-js gives the client a method of this name as well.
        originalName: method.name.charAt(0).toLowerCase() + method.name.slice(1),
        requestStream: method.requestStream ?? false,
        responseStream: method.responseStream ?? false,
        requestSerialize: request.serialize,
        requestDeserialize: request.deserialize,
        responseSerialize: response.serialize,
        responseDeserialize: response.deserialize,
      }
      return [method.name, definition]
    }),
  )
}

/**
 * Decodes text as Node does, which is faster than protobufjs for a Uint8Array. protobufjs does the
 * same for a Buffer, but accepts text that was cut short.
 */
class StrictReader extends protobuf.BufferReader {
  override string(): string {
    const bytes = this.uint32()
    const start = this.pos
    if (start + bytes > this.len) throw new RangeError('text is cut short')
    this.pos += bytes
    return (this.buf as Buffer).toString('utf8', start, this.pos)
  }
}

/** For `deserialize`, to refuse a message that was cut short. */
export function strictReader({ buffer, byteOffset, byteLength }: Uint8Array): protobuf.Reader {
  return new StrictReader(Buffer.from(buffer, byteOffset, byteLength))
}
