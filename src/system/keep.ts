// What starts the program (`src/start.ts`) offers it a way to keep compiled code, under this name of globalThis.
export const KEEP = Symbol.for('reconfd keeps compiled code')
