// Commands that fail or hang. A test arms the fault while the program works. The fault then occurs a given number of
// times, and the program must repair the damage without another change.
import { readFileSync } from 'node:fs'
import { describe, test } from 'vitest'
import { trying, type TrialOptions } from './harness.ts'
import { fileStore } from './stores.ts'

/** Returns shell code that causes the fault while the file `armed` has lines, and removes one line each time. */
const whenArmed = (armed: string, fault: string): string =>
  `if [ -s ${armed} ]; then sed -i 1d ${armed}; ${fault}; fi`

const reloadThat =
  (fault: string) =>
  (record: string, armed: string): string =>
    `${whenArmed(armed, fault)}; ${record}`

const checkThat =
  (fault: string) =>
  (armed: string): string =>
    whenArmed(armed, fault)

const SHORT = ['-reload-timeout', '1s', '-check-timeout', '1s']
const GIGABYTE = 'head -c 1073741824 /dev/zero'

interface Case {
  readonly name: string
  readonly options: TrialOptions
  /** How often the fault occurs; default: once. */
  readonly times?: number
}

const cases: readonly Case[] = [
  { name: 'a reload that hangs', options: { reload: reloadThat('sleep 1000'), extra: SHORT } },
  {
    name: 'a reload that hangs and will not end',
    options: { reload: reloadThat("trap '' TERM INT HUP; sleep 1000"), extra: SHORT },
  },
  { name: 'a reload that prints 1 GB', options: { reload: reloadThat(GIGABYTE) } },
  { name: 'a reload that ends by a signal', options: { reload: reloadThat('kill -9 $$') } },
  { name: 'a reload that fails', options: { reload: reloadThat('exit 3') }, times: 2 },
  { name: 'a check that hangs', options: { check: checkThat('sleep 1000'), extra: SHORT } },
  { name: 'a check that prints 1 GB', options: { check: checkThat(`${GIGABYTE}; exit 1`) } },
  { name: 'a check that ends by a signal', options: { check: checkThat('kill -9 $$') } },
  { name: 'a check that deletes the staged file', options: { check: checkThat('rm {{.src}}') } },
  {
    name: 'a check that replaces the staged file',
    options: { check: checkThat('echo other > {{.src}}.tmp; mv {{.src}}.tmp {{.src}}') },
  },
  {
    name: 'a check that alters the staged file',
    options: { check: checkThat('echo >> {{.src}}') },
  },
  { name: 'a check that fails', options: { check: checkThat('exit 1') }, times: 2 },
]

describe.concurrent('commands', () => {
  test.each(cases.map((one) => [one.name, one] as const))(
    '%s',
    async (_, { options, times = 1 }) => {
      const store = fileStore()
      try {
        await trying(store, options, async (trial) => {
          await trial.begin()
          trial.arm('app.conf', times)
          await trial.write()
          await trial.until('the fault has come', () => isSpent(trial.file('app.conf.armed')))
          await trial.judge()
        })
      } finally {
        store.close()
      }
    },
  )

  test('a reload that leaves behind a process which holds its output open', async () => {
    const store = fileStore()
    const reload = (record: string, armed: string): string =>
      `${whenArmed(armed, `sleep 1000 & echo $! > ${armed}.pid`)}; ${record}`
    try {
      await trying(store, { reload }, async (trial) => {
        await trial.begin()
        trial.arm('app.conf')
        await trial.write()
        // The command started a background process, which reconfd must neither wait for nor kill.
        await trial.settle()
        await trial.write()
        await trial.settle()
        process.kill(Number(readFileSync(trial.file('app.conf.armed.pid'), 'utf8')), 'SIGKILL')
        await trial.judge()
      })
    } finally {
      store.close()
    }
  })

  test('a reload that takes longer than the next change', async () => {
    const store = fileStore()
    try {
      const options = { reload: reloadThat('sleep 1') }
      await trying(store, options, async (trial) => {
        await trial.begin()
        for (let change = 0; change < 3; change++) {
          trial.arm('app.conf')
          await trial.write()
          await trial.until('the reload runs', () => isSpent(trial.file('app.conf.armed')))
          // These changes are swapped in during the running reload, so they need another reload.
          await trial.writes(2)
        }
        await trial.judge()
      })
    } finally {
      store.close()
    }
  })
})

const isSpent = (armed: string): boolean => readFileSync(armed, 'utf8') === ''
