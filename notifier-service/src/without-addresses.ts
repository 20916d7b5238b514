/** The text without e-mail addresses, for the log: many servers repeat the recipient in their replies. */
export function withoutAddresses(text: string): string {
  // Word by word: one expression for the whole address would backtrack from each character.
  return text.replace(/[^\s<>]+/g, (word) => (/[^@]@./.test(word) ? '(address)' : word))
}
