// Faults that affect the destinations or the state directory: a full disk, read-only files, mount points, a folder
// instead of a file, removed folders. The old files must stay intact, and the program must recover once the fault has
// ended.
import { mkdirSync, openSync, closeSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'vitest'
import { bind, cannotMount, mountSmall, remount, unmount } from '../support/mounts.ts'
import { removeDir, tempDir } from '../support/process.ts'
import { contentsOf, destinations } from './contents.ts'
import { trying, type Trial } from './harness.ts'
import { fileStore } from './stores.ts'

type Place = 'out' | 'state'

interface Scene {
  readonly trial: Trial
  /** A small file system for the destinations or the state directory. */
  readonly disk: string
}

/** @param inPlace whether each destination is a separate mount point */
async function withDisk(
  place: Place,
  use: (scene: Scene) => Promise<void>,
  inPlace = false,
): Promise<void> {
  const folder = tempDir('disk')
  const disk = join(folder, 'disk')
  mountSmall(disk, 256)
  const points = inPlace ? bindAll(folder, disk) : []
  const store = fileStore()
  try {
    await trying(store, { [place]: disk, inPlace }, (trial) => use({ trial, disk }))
  } finally {
    store.close()
    points.forEach(unmount)
    unmount(disk)
    removeDir(folder)
  }
}

/** Creates destinations that are bind mounts, as in a container. Returns their paths. */
function bindAll(folder: string, disk: string): string[] {
  return destinations.map((dest) => {
    const [source, point] = [join(folder, dest), join(disk, dest)]
    for (const file of [source, point]) writeFileSync(file, contentsOf('none')[dest])
    bind(source, point)
    return point
  })
}

/** Fills the disk. Returns a function that frees it again. */
function fill(disk: string): () => void {
  const path = join(disk, 'filler')
  const file = openSync(path, 'w')
  for (let piece = 65_536; piece >= 1;) {
    try {
      writeSync(file, Buffer.alloc(piece))
    } catch {
      piece /= 2
    }
  }
  closeSync(file)
  return () => rmSync(path)
}

/**
 * Wraps a test that needs mounts. Skips the test, with the reason, unless the user is root. As root, mounting must
 * work.
 */
const mounting =
  (run: () => Promise<void>) =>
  async (context: TestContext): Promise<void> => {
    if (cannotMount !== undefined) context.skip(cannotMount)
    await run()
  }

describe.concurrent('disks', () => {
  test(
    'no space for the destinations',
    mounting(() =>
      withDisk('out', async ({ trial, disk }) => {
        await trial.begin()
        const free = fill(disk)
        await trial.writes(3)
        await trial.untilTold('failed', 1)
        await trial.writes(3)
        free()
        await trial.judge()
      }),
    ),
  )

  test(
    'a destination that is read-only',
    mounting(() =>
      withDisk('out', async ({ trial, disk }) => {
        await trial.begin()
        remount(disk, 'ro')
        await trial.writes(3)
        await trial.untilTold('failed', 1)
        remount(disk, 'rw')
        await trial.judge()
      }),
    ),
  )

  test(
    'destinations that are mount points',
    mounting(() =>
      withDisk(
        'out',
        async ({ trial }) => {
          await trial.begin()
          await trial.writes(3)
          await trial.kill()
          await trial.write()
          trial.start()
          await trial.judge()
        },
        true,
      ),
    ),
  )

  test('a directory in the place of a destination', async () => {
    const store = fileStore()
    try {
      await trying(store, { mayVanish: true }, async (trial) => {
        await trial.begin()
        for (const dest of destinations) {
          rmSync(trial.path(dest))
          mkdirSync(join(trial.path(dest), 'in the way'), { recursive: true })
        }
        await trial.writes(3)
        await trial.untilTold('failed', 1)
        for (const dest of destinations) rmSync(trial.path(dest), { recursive: true })
        await trial.judge()
      })
    } finally {
      store.close()
    }
  })

  test(
    'no space for the state directory',
    mounting(() =>
      withDisk('state', async ({ trial, disk }) => {
        await trial.begin()
        const free = fill(disk)
        // Each change makes the journal longer, until the journal needs another page on the full disk.
        for (let n = 0; n < 200 && trial.program?.told('failed') === 0; n++) {
          await trial.write()
          await trial.until('it is taken up', () => trial.isInPlace() || hasFailed(trial))
        }
        await trial.untilTold('failed')
        free()
        await trial.judge()
      }),
    ),
  )

  test(
    'a state directory that is read-only',
    mounting(() =>
      withDisk('state', async ({ trial, disk }) => {
        await trial.begin()
        // The kernel refuses to remount a disk read-only while a file is open for writing, so the program stops first.
        await trial.stop()
        remount(disk, 'ro')
        await trial.write()
        trial.start()
        await trial.untilTold('failed', 1)
        await trial.writes(3)
        remount(disk, 'rw')
        await trial.judge()
      }),
    ),
  )

  test('a state directory that is removed', async () => {
    const store = fileStore()
    try {
      await trying(store, {}, async (trial) => {
        await trial.begin()
        rmSync(trial.file('state'), { recursive: true })
        await trial.writes(3)
        await trial.settle()
        // Removes the state directory again while the program handles a change.
        await trial.write()
        rmSync(trial.file('state'), { recursive: true, force: true })
        await trial.judge()
      })
    } finally {
      store.close()
    }
  })
})

const hasFailed = (trial: Trial): boolean => (trial.program?.told('failed') ?? 0) > 0
