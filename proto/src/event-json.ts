import { createRequire } from 'node:module'
import type * as Protobuf from '@bufbuild/protobuf'
import type * as WellKnown from '@bufbuild/protobuf/wkt'
import type * as ProtoLoader from '@grpc/proto-loader'
import {
  decodeEvent,
  encodeEvent,
  eventTypes,
  type HeraldEvent,
  type ReceivedHeraldEvent,
} from './events.js'
import { messageOptions, protoDirectory } from './load.js'

const messageNames: Readonly<Record<string, string>> = {
  [eventTypes.fileConverted]: 'herald.events.v1.FileConverted',
  [eventTypes.conversionFailed]: 'herald.events.v1.ConversionFailed',
}

interface JsonMapping {
  toProtobuf(messageName: string, json: unknown): Uint8Array
  toJson(messageName: string, data: Uint8Array): unknown
}

let mapping: JsonMapping | undefined

/**
 * Reads JSON `data` of the CloudEvents type `type`, in protobuf's JSON mapping: names in
 * camelCase or as in the proto, bytes as base64, 64-bit integers as number or string. Unknown fields
 * are ignored.
 * Returns undefined for a type that is not Herald's; throws if the JSON is not that message.
 */
export function decodeEventJson(type: string, json: unknown): ReceivedHeraldEvent | undefined {
  const messageName = Object.hasOwn(messageNames, type) ? messageNames[type] : undefined
  if (messageName === undefined) return undefined
  mapping ??= loadJsonMapping()
  return decodeEvent(type, mapping.toProtobuf(messageName, json))
}

/**
 * The event's data in protobuf's JSON mapping: names in camelCase, bytes as base64, 64-bit
 * integers as strings, fields at their default left out. Throws as encodeEvent does.
 */
export function encodeEventJson(event: HeraldEvent | ReceivedHeraldEvent): unknown {
  mapping ??= loadJsonMapping()
  return mapping.toJson(messageNames[event.type] ?? '', encodeEvent(event as HeraldEvent))
}

function loadJsonMapping(): JsonMapping {
  // Loaded on first use: most programs never need it.
  const require = createRequire(import.meta.url)
  const protobuf = require('@bufbuild/protobuf') as typeof Protobuf
  const wellKnown = require('@bufbuild/protobuf/wkt') as typeof WellKnown

  const protoLoader = require('@grpc/proto-loader') as typeof ProtoLoader

  const loaded = protoLoader.loadSync('herald/events/v1/events.proto', {
    ...messageOptions,
    includeDirs: [protoDirectory],
    keepCase: true,
  })
  const anyMessage = loaded['herald.events.v1.FileConverted'] as ProtoLoader.MessageTypeDefinition<
    object,
    object
  >
  const file = anyMessage.fileDescriptorProtos.map((bytes) =>
    protobuf.fromBinary(wellKnown.FileDescriptorProtoSchema, bytes),
  )
  // proto-loader leaves type names relative and gives JSON names as in the proto; a registry
  // wants the former full and the latter in camelCase.
  for (const { package: scope, messageType } of file) {
    for (const field of messageType.flatMap((message) => message.field)) {
      field.jsonName = field.name.replace(/_([a-z0-9])/g, (_, letter) => letter.toUpperCase())
      if (field.typeName !== '' && !field.typeName.startsWith('.')) {
        field.typeName = `.${scope}.${field.typeName}`
      }
    }
  }
  const registry = protobuf.createFileRegistry(
    protobuf.create(wellKnown.FileDescriptorSetSchema, { file }),
  )
  const describe = (messageName: string) => {
    const description = registry.getMessage(messageName)
    if (description === undefined) throw new Error(`${messageName} is not described`)
    return description
  }
  return {
    toProtobuf(messageName, json) {
      const description = describe(messageName)
      const message = protobuf.fromJson(description, json as Protobuf.JsonValue, {
        ignoreUnknownFields: true,
      })
      return protobuf.toBinary(description, message)
    },
    toJson(messageName, data) {
      const description = describe(messageName)
      return protobuf.toJson(description, protobuf.fromBinary(description, data))
    },
  }
}
