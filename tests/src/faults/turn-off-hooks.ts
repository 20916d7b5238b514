import type { InitializeHook, LoadHook } from 'node:module'
import { type Guard, guards, type Patch } from './guards.js'

let patches: readonly Patch[] = []

export const initialize: InitializeHook<{ guard: Guard }> = async ({ guard }) => {
  patches = guards[guard]
}

export const load: LoadHook = async (url, context, nextLoad) => {
  const loaded = await nextLoad(url, context)
  const wanted = patches.filter(({ file }) => url.endsWith(file))
  if (wanted.length === 0) return loaded
  let source = Buffer.from(loaded.source as Uint8Array).toString()
  for (const { find, replace } of wanted) {
    // The code has changed. Without this check the guard would stay on unnoticed.
    if (!find.test(source)) throw new Error(`${url} does not match ${find}`)
    source = source.replace(find, () => replace)
  }
  return { ...loaded, source }
}
