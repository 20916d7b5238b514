import type { RenditionPlan } from '@herald/converter-service/engines/engine'

/** What a spec that names nothing but the format comes to, for tests of an engine by itself. */
export function plainPlan(format: string, changes: Partial<RenditionPlan> = {}): RenditionPlan {
  return {
    index: 0,
    format,
    fit: 'inside',
    lossless: false,
    keep: [],
    enlarge: false,
    everyPage: false,
    gravity: 'centre',
    rotate: 0,
    palette: false,
    ...changes,
  }
}
