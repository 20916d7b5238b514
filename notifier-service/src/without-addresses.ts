/** The text without e-mail addresses, for the log: servers like to repeat the recipient in their replies. */
export function withoutAddresses(text: string): string {
  return text.replace(/[^\s<>@]+@[^\s<>]+/g, '(address)')
}
