// How long the path of a Unix socket may be. Apart from the sockets themselves, since a onetime run that finds
// none has no need of Node's net.

/** On Linux, in bytes (sun_path, unix(7)). */
const LONGEST = 107

export const isTooLong = (path: string): boolean => Buffer.byteLength(path) > LONGEST
