// Replaces the dynamic loader of an ELF program, so that a program from a newer Debian release runs with the C library
// that was unpacked beside it, without root and without a chroot. LD_LIBRARY_PATH must contain the folder of the other
// libraries.
//
// The new path is appended to the file, and the program header that the kernel reads (PT_INTERP) points to it. The old
// path in the mapped memory stays, because the loader compares it with the names of the libraries.

const PT_INTERP = 3
/** Offsets of the 64-bit ELF specification: in the file header, then in a program header. */
const FILE = { programHeaders: 32, headerSize: 54, headerCount: 56 }
const HEADER = { type: 0, offset: 8, fileSize: 32 }

/**
 * @param {Buffer} program a 64-bit little-endian ELF program
 * @param {string} loader the absolute path of the new loader
 * @returns {Buffer} the program with the new loader
 */
export function withLoader(program, loader) {
  const changed = Buffer.concat([program, Buffer.from(`${loader}\0`)])
  const first = Number(changed.readBigUInt64LE(FILE.programHeaders))
  const size = changed.readUInt16LE(FILE.headerSize)
  for (let n = 0; n < changed.readUInt16LE(FILE.headerCount); n++) {
    const at = first + n * size
    if (changed.readUInt32LE(at + HEADER.type) !== PT_INTERP) continue
    changed.writeBigUInt64LE(BigInt(program.length), at + HEADER.offset)
    changed.writeBigUInt64LE(BigInt(Buffer.byteLength(loader) + 1), at + HEADER.fileSize)
    return changed
  }
  throw new Error('the program has no dynamic loader')
}
