/**
 * Measures Herald beside other programs that do the same work, in one run. A file in
 * `benches/` exports one, and `all-benches.ts` lists it.
 */
export interface Bench {
  /** Its name on the command line: `npm run bench -- convert-latency`. */
  readonly name: string
  /** What is measured, as a phrase. */
  readonly about: string
  /** What Herald guarantees while it is measured. Each comparison names what the rival guarantees. */
  readonly guarantees: string
  /**
   * Starts what the comparisons need, and registers with `context.defer` how it is closed. Each
   * comparison becomes one line of the result; they run one after the other.
   */
  open(context: BenchContext): Promise<readonly Entry[]>
}

/** A comparison, or a rival that is not installed, and why. */
export type Entry = Comparison | Absent

export interface Comparison {
  /** Tells the comparisons of one bench apart: `webp`, `8 notifiers`. */
  readonly variant?: string
  readonly rival: string
  /** What the rival guarantees while it is measured. */
  readonly rivalGuarantees: string
  /** `ms`, `images/s`, `MiB`. */
  readonly unit: string
  /** Bounds of the ratio ours : theirs. Without them the figures are only printed. */
  readonly floor?: Bound
  readonly goal?: Bound
  /** Measures Herald once; resolves to a figure in `unit`. Rejects if the work fails. */
  ours(): Promise<number>
  /** The same work by the rival. */
  theirs(): Promise<number>
  /** Default 9; at least 5, except in a short run. */
  readonly rounds?: number
  /** The version of each of the rival's programs and libraries. */
  readonly versions?: Readonly<Record<string, string>>
}

export interface Absent {
  readonly variant?: string
  readonly rival: string
  /** Why it cannot be measured here, and how to install it. */
  readonly absent: string
  /** There is no way to install it, so a run without it is complete. */
  readonly notInstallable?: true
}

export type Bound = { readonly atMost: number } | { readonly atLeast: number }

/** What a bench gets from the runner. */
export interface BenchContext {
  /** A fresh folder, removed after the bench. */
  readonly folder: string
  /** A short run: the least work that runs every line of code. Its figures mean nothing. */
  readonly short: boolean
  /** `close` is called after the bench, in reverse order. */
  defer(close: () => unknown): void
  /** Prints a line about the progress. */
  log(line: string): void
}
