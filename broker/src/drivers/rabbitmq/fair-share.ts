/** How many partitions each of the members holds when they are shared evenly. */
export function fairShare(partitions: number, members: number): { least: number; most: number } {
  const count = Math.max(1, members)
  return { least: Math.floor(partitions / count), most: Math.ceil(partitions / count) }
}
