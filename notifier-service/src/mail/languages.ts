/**
 * The best of `offered` for the BCP 47 tag `wanted` (RFC 4647 lookup: `zh-Hant-TW` finds `zh`),
 * else one of the same language (`pt` finds `pt-BR`); undefined where there is none.
 */
export function bestLanguage(wanted: string, offered: readonly string[]): string | undefined {
  const tag = wanted.trim().replaceAll('_', '-').toLowerCase()
  if (!/^[a-z]{2,8}(-[a-z0-9]{1,8})*$/.test(tag) || tag.length > 100) return undefined
  for (let range = tag; range !== ''; range = range.replace(/(^|-)[^-]*$/, '')) {
    const found = offered.find((each) => each.toLowerCase() === range)
    if (found) return found
  }
  const primary = tag.split('-')[0]
  return offered.find((each) => each.toLowerCase().split('-')[0] === primary)
}
