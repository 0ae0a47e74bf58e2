// The property of globalThis under which `src/start.ts` provides the function that keeps compiled code.
export const KEEP = Symbol.for('reconfd keeps compiled code')
