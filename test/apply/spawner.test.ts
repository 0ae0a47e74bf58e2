// A command that the helper process starts must run exactly like a command that reconfd starts itself.
import { readFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { runCommand } from '../../src/apply/command.ts'
import { keepSpawner, startByHelper, type Started } from '../../src/apply/spawner.ts'
import { allProcesses, statOf } from '../../src/system/process.ts'

let drop: () => void
beforeEach(async () => {
  drop = await keepSpawner()
})
afterEach(() => drop())

const run = (command: string, timeout = 10_000) => runCommand(command, { timeout })

async function started(command: string): Promise<Started> {
  const running = await startByHelper(command)
  if (running === undefined) throw new Error('there is no helper')
  return running
}

/** Returns the complete output of a command, its exit code and its signal. */
async function outcome(command: string) {
  const running = await started(command)
  let output = ''
  running.onOutput((chunk) => (output += chunk.toString()))
  const exit = await running.exit
  await running.printed
  running.close()
  return { output, exit }
}

test.each([
  ['echo out; echo err >&2', { exitCode: 0, output: 'out\nerr\n' }],
  ['exit 3', { exitCode: 3, output: '' }],
  // The shell reports the signal as an exit code: 128 + 9.
  ['kill -KILL $$', { exitCode: 137, signal: null }],
  ['exit 137', { exitCode: 137, signal: null }],
  [
    `printf '%s|' "a  b" 'c\\d' "$HOME" ' '`,
    { exitCode: 0, output: `a  b|c\\d|${process.env['HOME']}| |` },
  ],
  ['printf "no end of line"', { exitCode: 0, output: 'no end of line' }],
  ['cat; echo end', { exitCode: 0, output: 'end\n' }],
  ['if', { exitCode: 2 }],
  ['a=1\nb=2; echo $((a + b))', { exitCode: 0, output: '3\n' }],
  ['umask; pwd -P', { exitCode: 0 }],
])('%j', async (command, result) => {
  expect(await run(command)).toMatchObject(result)
  // The next command gets a new shell, in which the variable `a` is not set.
  expect(await run('echo "${a:-}"')).toMatchObject({ exitCode: 0, output: '\n' })
})

/** Shell code that prints the attributes of its own shell, except those that differ in every run. */
const ITSELF = [
  // Reads /proc/$$/status only with builtins, because a shell blocks all signals while it starts a program.
  'while IFS= read -r line; do case $line in Sig[IBC]*|Groups*|Uid*|NoNewPrivs*|Umask*) echo "$line"; esac; done </proc/$$/status',
  'pwd; env | sort | grep -v ^_=',
  'for fd in /proc/$$/fd/*; do echo "${fd##*/}"; done',
  '[ "$(cut -d" " -f5,6 /proc/$$/stat)" = "$$ $$" ] && echo a session and a group of its own',
  'echo $PPID',
  'nosuchprogram',
].join('; ')

test('signals, environment, folder, descriptors and group are the same as without a helper', async () => {
  const helped = await outcome(ITSELF)
  drop()
  const own = await run(ITSELF)
  expect(helped.output).toBe(own.output)
  expect(helped.output).toContain('a group of its own')
  expect(helped.exit).toEqual([127, null])
})

test('secrets are not passed on; variables set later are', async () => {
  vi.stubEnv('CONFD_PASSWORD', 'hunter2')
  vi.stubEnv('RECONFD_TEST', 'seen')
  const { output } = await outcome('env')
  expect(output).toContain('RECONFD_TEST=seen')
  expect(output).not.toContain('hunter2')
  vi.unstubAllEnvs()
})

describe('the end of a command', () => {
  test('is reported even if a process that was left behind keeps the output open', async () => {
    const begin = await outcome('sleep 60 & echo $!')
    expect(begin.exit).toEqual([0, null])
    process.kill(Number(begin.output), 'SIGKILL')
  })

  test('comes at the timeout, for the whole process group', async () => {
    expect(await run('sleep 60 & sleep 60', 100)).toMatchObject({ timedOut: true })
  })

  test('comes at the timeout even if the command ignores SIGTERM', async () => {
    const options = { timeout: 100, grace: 200 }
    const ended = await runCommand('trap "" TERM; while :; do sleep 1; done', options)
    expect(ended).toMatchObject({ timedOut: true, exitCode: 137 })
  })

  test('is reported after a large output, all of which is counted', async () => {
    const { exitCode, truncated } = await run('head -c 30000000 /dev/zero')
    expect([exitCode, truncated]).toEqual([0, 30_000_000 - 64 * 1024])
  })
})

test('runs more commands at once than one helper can start', async () => {
  const all = Array.from({ length: 40 }, (_, n) => run(`echo ${n}; exit ${n}`))
  const results = await Promise.all(all)
  expect(results.map(({ exitCode, output }) => [exitCode, output])).toEqual(
    results.map((_, n) => [n, `${n}\n`]),
  )
})

test('runs commands one after the other, over several helpers', async () => {
  for (let n = 0; n < 20; n++) expect((await outcome(`echo ${n}`)).output).toBe(`${n}\n`)
})

test('killing a waiting shell or the helper does not affect later commands', async () => {
  for (const kill of [true, false]) {
    await started('exit 0')
    const shells = [...allProcesses()].filter(({ pid, stat }) => {
      const line = stat.state === 'Z' ? '' : commandLine(pid)
      return line.includes(kill ? 'reconfd_command' : 'serve()') && isOurs(pid)
    })
    expect(shells.length).toBeGreaterThan(0)
    for (const { pid } of shells) killed(pid)
    for (let n = 0; n < 10; n++) expect(await run(`echo ${n}`)).toMatchObject({ exitCode: 0 })
  }
})

test('the helper runs until its last user has released it', async () => {
  const other = await keepSpawner()
  other()
  other()
  expect((await started('true')).pid).toBeGreaterThan(0)
})

/** Kills a process unless it has already exited. Some of the processes exit together with others. */
function killed(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    expect(error).toMatchObject({ code: 'ESRCH' })
  }
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1')
  } catch {
    return ''
  }
}

/** Returns true for descendants of this process. */
const isOurs = (pid: number): boolean => {
  const parent = statOf(pid)?.parent ?? 0
  return parent === process.pid || (parent > 1 && isOurs(parent))
}

// This test must be the last one: once setsid is missing, this process never tries to start a helper again.
test('without setsid commands are started as in a onetime run', async () => {
  drop()
  vi.stubEnv('PATH', '/nonexistent')
  drop = await keepSpawner()
  expect(await startByHelper('exit 0')).toBeUndefined()
  expect(await run('echo good')).toMatchObject({ exitCode: 0, output: 'good\n' })
  vi.unstubAllEnvs()
})
