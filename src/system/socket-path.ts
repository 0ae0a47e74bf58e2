// The length limit of a Unix socket's path. Separate from unix-socket.ts, so that onetime runs need not load node:net.

/** The maximum length on Linux, in bytes (sun_path, unix(7)). */
const LONGEST = 107

export const isTooLong = (path: string): boolean => Buffer.byteLength(path) > LONGEST
