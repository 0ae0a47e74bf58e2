// The systemd unit, checked by systemd's own tools.
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { removeDir, serverBinary, tempDir } from '../support/process.ts'

const unit = fileURLToPath(new URL('../../packaging/systemd/reconfd.service', import.meta.url))
const text = readFileSync(unit, 'utf8')

function analyze(...args: readonly string[]): { readonly status: number; readonly output: string } {
  const { path, env } = serverBinary('systemd-analyze')
  const run = spawnSync(path, args, {
    encoding: 'utf8',
    env: { ...process.env, ...env, SYSTEMD_COLORS: '0', LC_ALL: 'C' },
  })
  return { status: run.status ?? -1, output: `${run.stdout}${run.stderr}` }
}

/** Returns the values of a setting, in order. */
const values = (name: string): string[] =>
  [...text.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(([, value]) => value as string)

test('systemd-analyze verify finds nothing', () => {
  // The test creates stubs of systemd's own units, because a machine without systemd lacks these units.
  const root = tempDir('unit')
  try {
    const units = join(root, 'usr/lib/systemd/system')
    for (const folder of [units, join(root, 'usr/bin'), join(root, 'bin')])
      mkdirSync(folder, { recursive: true })
    for (const program of ['usr/bin/reconfd', 'bin/sh']) {
      writeFileSync(join(root, program), '#!/bin/sh\n')
      chmodSync(join(root, program), 0o755)
    }
    const known = ['basic', 'multi-user', 'network-online', 'shutdown', 'sysinit', 'system.slice']
    for (const name of known) {
      const file = name.includes('.') ? name : `${name}.target`
      writeFileSync(join(units, file), '[Unit]\nDescription=for the test\n')
    }
    const path = join(units, 'reconfd.service')
    writeFileSync(path, text)
    expect(analyze('verify', '--man=no', `--root=${root}`, 'reconfd.service')).toEqual({
      status: 0,
      output: '',
    })
    // The tool finds a mistake that is added to the file, which shows that it checks this file.
    writeFileSync(path, text.replace('WatchdogSec=', 'WatchdogSeconds='))
    const { output } = analyze('verify', '--man=no', `--root=${root}`, 'reconfd.service')
    expect(output).toContain('WatchdogSeconds')
  } finally {
    removeDir(root)
  }
})

test('systemd-analyze security: exposed by at most 3.2', () => {
  const judge = (threshold: number): { readonly status: number; readonly output: string } =>
    analyze('security', '--offline=true', '--no-pager', `--threshold=${threshold}`, unit)
  const { status, output } = judge(32)
  expect(output).toMatch(/Overall exposure level for reconfd\.service: \d/)
  expect(status).toBe(0)
  expect(judge(5).status).not.toBe(0)
})

test('the unit has the settings that the program relies on', () => {
  expect(values('Type')).toEqual(['notify'])
  expect(values('NotifyAccess')).toEqual(['all'])
  expect(values('RestartPreventExitStatus')).toEqual(['64 78'])
  expect(values('KillMode')).toEqual(['process'])
  expect(values('StateDirectory')).toEqual(['reconfd'])
})

test('ExecReload sends a HUP, with nothing but a shell', () => {
  const [command = ''] = values('ExecReload')
  const [, script = ''] = /^\/bin\/sh -c '(.*)'$/.exec(command) ?? []
  const told = execFileSync(
    '/bin/sh',
    ['-c', `trap 'echo hup; exit' HUP; MAINPID=$$ /bin/sh -c "$0"; echo missed`, script],
    { encoding: 'utf8' },
  )
  expect(told).toBe('hup\n')
})
