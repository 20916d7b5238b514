import type { Lifecycle } from '@herald/runtime/lifecycle'
import type { Logger } from '@herald/runtime/logger'
import { createMetrics } from '@herald/runtime/probes'
import type { Registry } from 'prom-client'
import { capabilitiesOf } from './capabilities.js'
import { withSandboxes } from './children/confinement.js'
import { Pool } from './children/pool.js'
import type { ConverterConfig } from './config.js'
import { ConverterMetrics } from './metrics.js'
import { openSpool, type Spool } from './spool.js'
import type { PlanningContext } from './work.js'

/** A child is replaced when its memory has grown by this much; libvips frees most of its memory. */
const maxGrowthBytes = 256 * 1024 ** 2

/** What conversions need, for gRPC calls and for jobs. */
export interface Conversions extends PlanningContext {
  readonly spool: Spool
  readonly pool: Pool
  readonly metrics: ConverterMetrics
  readonly registry: Registry
  /** Restrictions of the children that this machine does not support. */
  readonly missing: readonly string[]
}

/** Starts the children. `admitted`: conversions that run or wait, for the metrics. `lifecycle` ends them. */
export async function startConversions(
  config: ConverterConfig,
  { lifecycle, logger, admitted }: { lifecycle: Lifecycle; logger: Logger; admitted: () => number },
): Promise<Conversions> {
  const spool = await openSpool(config.spool)
  lifecycle.defer('spool', () => spool.close())

  const registry = createMetrics('converter')
  const { maxBytes, maxPixels, maxPages, timeoutMs, cpuMs, memoryBytes, maxOutputBytes } = config
  const limits = { maxBytes, maxPixels, maxPages, timeoutMs, cpuMs, memoryBytes, maxOutputBytes }
  // Before the children, to count one that exits at its start.
  const metrics: ConverterMetrics = new ConverterMetrics(registry, () => pool.waiting, admitted)
  const { pool, engines } = await Pool.start({
    children: config.children,
    budget: limits,
    recycle: { tasks: config.tasksPerChild, growthBytes: maxGrowthBytes },
    folder: spool.directory,
    env: config.childEnv,
    logger,
    onExit: (reason) => metrics.childExited(reason),
  })
  lifecycle.defer('children', () => pool.close())
  const { enforced, missing } = withSandboxes(pool.confinement, engines)
  if (missing.length === 0) logger.info({ enforced }, 'child processes are confined')
  else logger.warn({ enforced, missing }, 'child processes are not fully confined')
  metrics.confined({ enforced, missing })
  const { children } = config
  return {
    spool,
    pool,
    metrics,
    registry,
    missing,
    children,
    limits,
    capabilities: capabilitiesOf(engines),
  }
}
