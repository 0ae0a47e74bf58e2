// Runs every command in README.md, docs/ and examples/, as the page shows it. Each page runs from top to bottom in its
// own sandbox. Prints the commands that are not run, with the reason given on the page.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { removeDir } from '../support/process.ts'
import { commandsOf, type Command } from './commands.ts'
import { blocksOf, pages, readPage } from './markdown.ts'
import { Reading } from './page.ts'
import { cannotIsolate, makeClone, makePrograms, Sandbox, workFolder } from './sandbox.ts'

const isolated = cannotIsolate()

interface PageCommands {
  readonly page: string
  readonly commands: readonly Command[]
}
const all: readonly PageCommands[] = pages
  .map((page) => ({ page, commands: blocksOf(page).flatMap((block) => commandsOf(page, block)) }))
  .filter(({ commands }) => commands.length > 0)

describe.skipIf(isolated !== undefined)('every command is run', () => {
  const folder = workFolder()
  let programs: ReturnType<typeof makePrograms>
  beforeAll(() => {
    programs = makePrograms(folder)
  })
  afterAll(() => removeDir(folder), 180_000)

  test.concurrent.each(all.map(({ page }) => page))('%s', { timeout: 180_000 }, async (page) => {
    const text = readPage(page)
    const own = join(folder, page.replaceAll('/', '-'))
    const clone = join(own, 'clone')
    mkdirSync(own)
    if (text.includes('$CLONE')) makeClone(clone, text.includes('npm run '))
    const path = /^sudo npm install/m.test(text) ? programs.without : programs.all
    const sandbox = new Sandbox(own, path, { CLONE: clone })
    try {
      await new Reading(page, text, sandbox).all()
    } finally {
      await sandbox.close()
    }
  })
})

test('commands that are not run are few, and each has its reason', () => {
  const notRun = all.flatMap(({ page, commands }) =>
    commands.flatMap(({ text, line, expected: { notRun: reason } }) =>
      reason === undefined ? [] : [`${page}:${line}: ${text.split('\n')[0]} (${reason})`],
    ),
  )
  const count = all.reduce((sum, { commands }) => sum + commands.length, 0)
  process.stdout.write(
    `${count} commands in the docs. These are not run:\n  ${notRun.join('\n  ')}\n`,
  )
  if (isolated !== undefined) process.stdout.write(`none was run here: ${isolated}\n`)
  expect(notRun.length).toBeLessThan(45)
})
