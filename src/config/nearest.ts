// "Did you mean" of settings, which templates have too.
export { nearest } from '../core/nearest.ts'
