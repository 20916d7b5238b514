import { defaultSettings } from '@herald/proto/option-values'
import type { RenditionPlan } from '#src/engines/engine'

/** What a spec that names nothing but the format comes to, for tests of an engine by itself. */
export function plainPlan(format: string, changes: Partial<RenditionPlan> = {}): RenditionPlan {
  return { ...defaultSettings, index: 0, format, ...changes }
}
