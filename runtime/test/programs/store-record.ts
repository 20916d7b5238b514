/** How many records a writer keeps. */
export const keptRecords = 40

/** The record of a number: up to 12,000 characters, so that some need overflow pages. */
export function recordOf(name: string, number: number): string {
  return `${name}-${number}-`.repeat(((number * 7919) % 1201) + 1)
}
