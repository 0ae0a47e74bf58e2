// The library entry point: `import { run, render } from 'reconfd'`. See docs/library.md.
export { run, type RunOptions } from './library/run.ts'
export {
  render,
  type Keys,
  type KeyValue,
  type RenderOptions,
  type Rendered,
} from './library/render.ts'
export type { Settings, StoreSettings } from './library/settings.ts'
export type { Ended } from './core/ended.ts'
export type { Event } from './core/event.ts'
export { formatFault, type Fault } from './core/fault.ts'
export type { Reads } from './core/reads.ts'
export type { Result } from './core/result.ts'
