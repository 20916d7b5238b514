import type { Mail } from '@herald/mailhog/inbox-client'

/** The mail as a page of its own for a browser: its pictures are embedded. */
export function mailPage({ html, attachments }: Mail): string {
  return attachments.reduce((page, { contentId, mediaType, content }) => {
    if (contentId === undefined) return page
    const data = `data:${mediaType};base64,${Buffer.from(content).toString('base64')}`
    return page.replaceAll(`cid:${contentId}`, data)
  }, html)
}
