// The entry point under Node: `dist/cli.js` is this file, and `dist/program/` contains the modules of `cli.ts`. The
// single executable embeds compiled code instead, and starts with `cli.ts`.
import { KEEP } from './system/keep.ts'
import { Modules } from './system/modules.ts'

const modules = new Modules(`${import.meta.dirname}/program`)
Object.defineProperty(globalThis, KEEP, { value: (folder: string) => modules.keepIn(folder) })
modules.require('./cli.cjs')
