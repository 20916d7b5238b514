/**
 * One measurement of Herald beside others doing the same work in the same run. A file in
 * `benches/` exports one, and `all-benches.ts` lists it.
 */
export interface Bench {
  /** As it is asked for: `npm run bench -- convert-latency`. */
  readonly name: string
  /** What is measured, in half a sentence. */
  readonly about: string
  /** What Herald promises while it is measured; the rivals' promises stand in their contests. */
  readonly guarantees: string
  /**
   * Starts what the contests need, and passes what has to be closed to `stage.defer`. Each
   * contest becomes one line of the result; they run one after another.
   */
  open(stage: BenchStage): Promise<readonly Entry[]>
}

/** A contest, or a rival that cannot be had here and why. */
export type Entry = Contest | Absent

export interface Contest {
  /** Which of several figures of the bench it is: `webp`, `8 notifiers`. */
  readonly variant?: string
  readonly rival: string
  /** What the rival promises while it is measured. */
  readonly rivalGuarantees: string
  /** Of a figure: `ms`, `images/s`, `MiB`. */
  readonly unit: string
  /** Bounds of the ratio ours : theirs. Absent: the figures are printed beside each other. */
  readonly floor?: Bound
  readonly goal?: Bound
  /** One measurement of Herald: a figure in `unit`. Rejects when the work itself fails. */
  ours(): Promise<number>
  /** The same work by the rival. */
  theirs(): Promise<number>
  /** Rounds where that many are too expensive or too few; at least 5 unless `stage.short`. */
  readonly rounds?: number
  /** Library or program to version, of the rival. */
  readonly versions?: Readonly<Record<string, string>>
}

export interface Absent {
  readonly variant?: string
  readonly rival: string
  /** Why it cannot be measured here, and what would bring it. */
  readonly absent: string
  /** It cannot be installed anywhere yet, so a run without it is complete. */
  readonly nowhere?: true
}

export type Bound = { readonly atMost: number } | { readonly atLeast: number }

/** What a bench gets from the runner. */
export interface BenchStage {
  /** A fresh folder of this bench; goes with it. */
  readonly folder: string
  /** As few repetitions and bytes as still run every line of code; the figures mean nothing. */
  readonly short: boolean
  /** Called when the bench is over, last in, first out. */
  defer(close: () => unknown): void
  /** Prints what goes on. */
  say(line: string): void
}
