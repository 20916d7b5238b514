/** A row changed between reading and writing it. */
export class WriteConflict extends Error {
  override readonly name = 'WriteConflict'
}

const maxConflicts = 8

/** Repeats a transaction that rejects with WriteConflict. */
export async function repeatOnConflict<T>(transaction: () => Promise<T>): Promise<T> {
  for (let conflicts = 0; ; conflicts += 1) {
    try {
      return await transaction()
    } catch (error) {
      if (!(error instanceof WriteConflict) || conflicts >= maxConflicts) throw error
    }
  }
}
