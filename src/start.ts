// How Node starts the program: `dist/cli.js` is this file, and `dist/program/` the modules of `cli.ts`. The single
// executable, whose runtime keeps compiled code in itself, starts with `cli.ts`.
import { KEEP } from './system/keep.ts'
import { Modules } from './system/modules.ts'

const modules = new Modules(`${import.meta.dirname}/program`)
Object.defineProperty(globalThis, KEEP, { value: (folder: string) => modules.keepIn(folder) })
modules.require('./cli.cjs')
