import { Server } from '@grpc/grpc-js'
import { ConverterService, type ConverterServiceHandlers } from '@herald/proto/converter'
import type { Lifecycle } from '@herald/runtime/lifecycle'
import type { Logger } from '@herald/runtime/logger'
import type { Registry } from 'prom-client'
import { Admission } from './admission.js'
import type { ConverterConfig } from './config.js'
import { convertHandler } from './convert-handler.js'
import { estimateHandlers } from './estimate-handler.js'
import { guardCalls } from './grpc/call-guard.js'
import { Connections } from './grpc/connections.js'
import { addStandardServices } from './grpc/standard-services.js'
import { maxChunkBytes } from './limits.js'
import { listFormats } from './list-formats.js'
import { startConversions } from './start-conversions.js'

/** How long a stopped server waits for streams without end, such as health watches. */
const shutdownTimeoutMs = 500

export interface ConverterApp {
  readonly metrics: Registry
  /** Children alive now. */
  readonly pids: () => number[]
  notReady(): readonly string[]
  /** Listens on `address`; resolves to the port. Rejects when it cannot. */
  listen(address: string): Promise<number>
}

/**
 * The converter with running children, not yet listening. `lifecycle` closes it: new calls are
 * refused, running ones finish, then the children end.
 */
export async function createApp(
  config: ConverterConfig,
  { lifecycle, logger }: { lifecycle: Lifecycle; logger: Logger },
): Promise<ConverterApp> {
  const { children, queue, transfers, idleMs, peerShare } = config
  const admission = new Admission({
    maxConversions: children + queue,
    maxTransfers: transfers,
    peerShare,
  })
  const conversions = await startConversions(config, {
    lifecycle,
    logger,
    admitted: () => admission.admitted,
  })
  const { pool, registry, capabilities, limits, missing } = conversions
  const uploadLimits = {
    idleMs,
    minBytesPerSecond: config.uploadRate,
    timeoutMs: config.uploadTimeoutMs,
  }
  const connections = new Connections({ idleMs })
  const server = new Server({
    interceptors: [guardCalls({ maxUnreadMs: 2 * idleMs, connections })],
    // A chunk and what protobuf puts around it.
    'grpc.max_receive_message_length': maxChunkBytes + 64 * 1024,
    'grpc.max_concurrent_streams': children + queue + transfers,
  })
  const handlers: ConverterServiceHandlers = {
    Convert: convertHandler({ ...conversions, admission, uploadLimits, logger }),
    ...estimateHandlers({ ...conversions, admission, uploadLimits, peerShare, logger }),
    ListFormats: (_call, callback) =>
      callback(null, listFormats(capabilities, { ...limits, workers: children }, missing)),
  }
  server.addService(ConverterService.service, handlers)
  const health = addStandardServices(server)
  lifecycle.defer('gRPC server', () => {
    connections.close()
    return shutDown(server)
  })
  lifecycle.defer('conversions', async () => {
    health.setServing(false)
    await admission.close()
  })

  return {
    metrics: registry,
    pids: () => pool.pids,
    notReady: () => [
      ...(admission.closed ? ['stopping'] : []),
      ...(pool.pids.length === 0 ? ['no child process is running'] : []),
    ],
    async listen(address) {
      const port = await connections.listen(server, address)
      health.setServing(true)
      return port
    },
  }
}

function shutDown(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      server.forceShutdown()
      resolve()
    }, shutdownTimeoutMs)
    server.tryShutdown(() => {
      clearTimeout(timer)
      resolve()
    })
  })
}
