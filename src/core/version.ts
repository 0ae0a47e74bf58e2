// The version of the package; scripts/build.mjs puts it in.
declare const __VERSION__: string

export const VERSION = typeof __VERSION__ === 'string' ? __VERSION__ : 'unbuilt'
