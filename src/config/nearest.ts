// Re-exports the "did you mean" search for this room.
export { nearest } from '../core/nearest.ts'
