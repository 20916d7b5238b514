/** So many records a writer keeps. */
export const keptRecords = 40

/** What stands under a number: from 0 to 12,000 characters, so that some need pages of their own. */
export function recordOf(name: string, number: number): string {
  return `${name}-${number}-`.repeat(((number * 7919) % 1201) + 1)
}
