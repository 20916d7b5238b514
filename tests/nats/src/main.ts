import { runServerConsole } from '@herald/runtime/test/server-console'
import { findNats } from './find-nats.js'
import { startNats } from './start-nats.js'

// `npm run nats`: runs NATS with JetStream for development in the foreground, until Ctrl-C.
await runServerConsole(
  { name: 'NATS', command: 'nats', defaultPort: 4222, folder: 'nats' },
  async ({ port, data: folder }) => {
    const newer = await findNats('2.15')
    const found = 'missing' in newer ? await findNats('2.9') : newer
    if ('missing' in found) throw new Error(found.missing)
    const { installation } = found
    const nats = await startNats({ installation, folder, port })
    return {
      lines: [
        `NATS ${installation.version} is ready on localhost:${port}; its data is in ${folder}.`,
        `Use it with HERALD_BROKER=nats://localhost:${port}. Ctrl-C stops it.`,
      ],
      stop: () => nats.end(),
    }
  },
)
