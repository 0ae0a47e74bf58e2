// Keeps V8 from compiling undici's HTTP parser, which is WebAssembly, a second time for speed: that takes
// 10 MB which are never given back, and each spawn of a command copies the tables of all memory
// (0.1 ms a MB, between a changed key and its reload). Has to be loaded before undici.
import { setFlagsFromString } from 'node:v8'

setFlagsFromString('--liftoff-only')
