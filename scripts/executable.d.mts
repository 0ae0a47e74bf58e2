/** Builds the single executable of dist/ as it is. Throws when Bun cannot be fetched. */
export function compile(file: string): void
