import type { View } from './view.js'

/** The names a template can use: of a group, what is within; of a text, nothing. */
export type Shape = ReadonlyMap<string, Shape>

/** What is found in any of the views; a list is as its entries are. */
export function shapeOf(views: readonly View[]): Shape {
  const values = new Map<string, View[]>()
  for (const view of views) {
    for (const [name, value] of Object.entries(view)) {
      const within = values.get(name) ?? []
      values.set(name, within)
      if (Array.isArray(value)) within.push(...value)
      else if (value !== null && typeof value === 'object') within.push(value as View)
    }
  }
  return new Map([...values].map(([name, within]) => [name, shapeOf(within)]))
}
