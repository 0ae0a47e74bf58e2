/** Builds the single executable from src/, and its bill of materials from dist/. Throws if Bun cannot be fetched. */
export function compile(file: string): void
