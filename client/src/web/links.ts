/** Absolute links to conversions. */
export interface Links {
  /** `https://convert.example.com`: without a slash at the end. */
  readonly base: string
  page(token: string): string
  file(token: string, name: string): string
}

/** The paths of the page, from its root. */
export const paths = {
  page: (token: string) => `/c/${token}`,
  file: (token: string, name: string) => `/c/${token}/files/${encodeURIComponent(name)}`,
  zip: (token: string) => `/c/${token}/all.zip`,
  preview: (token: string) => `/c/${token}/preview`,
  remove: (token: string) => `/c/${token}/remove`,
  restore: (token: string) => `/c/${token}/restore`,
  run: (token: string) => `/r/${token}`,
  runZip: (token: string) => `/r/${token}/all.zip`,
}

export function linksTo(base: string): Links {
  return {
    base,
    page: (token) => base + paths.page(token),
    file: (token, name) => base + paths.file(token, name),
  }
}
