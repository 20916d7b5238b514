import { fileURLToPath } from 'node:url'
import type { Options } from '@grpc/proto-loader'

/** The folder that holds `herald/…/*.proto`, for whoever loads them by other means. */
export const protoDirectory = fileURLToPath(new URL('../../', import.meta.url))

/** How every proto here is loaded; the generated types are made for these options. */
export const loadOptions: Options = {
  includeDirs: [protoDirectory],
  longs: Number,
  enums: String,
  defaults: true,
  oneofs: true,
  arrays: true,
}
