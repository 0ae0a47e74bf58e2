// The version of the package, which scripts/build.mjs inserts.
declare const __VERSION__: string

export const VERSION = typeof __VERSION__ === 'string' ? __VERSION__ : 'unbuilt'
