import { mkdirSync, writeFileSync } from 'node:fs'
import protobuf from 'protobufjs'

// Writes the contracts as protobufjs reads them without parsing the .proto files.
const root = new protobuf.Root()
root.resolvePath = (_origin, target) => target
root.loadSync([
  'herald/converter/v1/converter.proto',
  'herald/events/v1/events.proto',
  'herald/jobs/v1/jobs.proto',
])
mkdirSync('herald/generated', { recursive: true })
writeFileSync('herald/generated/contracts.json', `${JSON.stringify(root.toJSON())}\n`)
