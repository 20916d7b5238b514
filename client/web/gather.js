// What was dropped or pasted, folders included.
import { page } from './live.js'

/**
 * The files, each with the path of its folder. Of a folder, hidden files and formats that the
 * converter does not read are left out. Call it within the event: afterwards the entries are gone.
 */
export async function gather({ items, files }) {
  const entries = [...items].map((item) => item.webkitGetAsEntry?.())
  const result = { found: [], leftOut: 0 }
  if (!entries.some((entry) => entry?.isDirectory)) {
    result.found = [...files].map((file) => ({ file, folder: '' }))
    return result
  }
  for (const entry of entries) if (entry) await walk(entry, result).catch(() => result.leftOut++)
  return result
}

async function walk(entry, result) {
  const folder = entry.fullPath.slice(1, -entry.name.length - 1)
  if (entry.isDirectory) {
    const reader = entry.createReader()
    for (;;) {
      // A reader gives its entries in batches.
      const batch = await new Promise((resolve, reject) => reader.readEntries(resolve, reject))
      if (batch.length === 0) return
      for (const each of batch.toSorted((a, b) => a.name.localeCompare(b.name)))
        await walk(each, result).catch(() => result.leftOut++)
    }
  }
  if (folder !== '' && entry.name.startsWith('.')) return
  if (folder !== '' && !isReadable(entry.name)) result.leftOut++
  else {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject))
    result.found.push({ file, folder })
  }
}

function isReadable(name) {
  const extension = /[.]([^.]+)$/.exec(name)?.[1]?.toLowerCase()
  return page.readable.length === 0 || page.readable.includes(extension)
}
