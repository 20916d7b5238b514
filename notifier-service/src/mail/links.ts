/** A link that is one: whoever wrote the event could have put anything there. */
export function webLink(url: string | undefined): string {
  if (url === undefined || url.length > 2000 || !URL.canParse(url)) return ''
  const { protocol, href } = new URL(url)
  // The address as it was parsed holds no space, quote or control character any more.
  return protocol === 'http:' || protocol === 'https:' ? href : ''
}
