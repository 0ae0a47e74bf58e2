// Runs each completion script in its own shell.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { describe, expect, test } from 'vitest'
import { completionText, shells } from '../../src/config/completion.ts'
import { commandNames } from '../../src/config/commands.ts'
import { optionNames } from '../../src/config/options.ts'
import { removeDir, serverBinary, tempDir } from '../support/servers.ts'

/** Returns the completions that bash offers for the last word. */
async function bash(...words: readonly string[]): Promise<string[]> {
  const script = `${completionText('bash')}
COMP_WORDS=(reconfd "$@"); COMP_CWORD=$#; _reconfd; printf '%s\\n' "\${COMPREPLY[@]}"`
  const { stdout, stderr } = await execa('bash', ['--norc', '-c', script, 'bash', ...words])
  expect(stderr).toBe('')
  return stdout.split('\n').filter((line) => line !== '')
}

/** Returns the completions that fish offers for the last word of a line. */
async function fish(line: string): Promise<string[]> {
  const { path, env } = serverBinary('fish')
  const share = join(path, '../../share/fish')
  const script = `set fish_function_path ${share}/functions
source (echo $argv[1] | psub)
complete -C $argv[2]`
  const args = ['--no-config', '-c', script, completionText('fish'), line]
  // fish creates folders in the home directory, so it gets a temporary one.
  const home = tempDir('fish')
  try {
    const { stdout, stderr } = await execa(path, args, { env: { ...env, HOME: home } })
    expect(stderr).toBe('')
    // Each line is a word, a tab and a description.
    return stdout.split('\n').flatMap((found) => found.split('\t')[0] || [])
  } finally {
    removeDir(home)
  }
}

describe('bash', () => {
  test('commands', async () => {
    expect(await bash('')).toEqual(commandNames)
    expect(await bash('che')).toEqual(['check'])
    expect(await bash('completion', '')).toEqual(shells)
    expect(await bash('schema', 'r')).toEqual(['resource'])
    expect(await bash('help', 'acc')).toEqual(['accept'])
  })
  test('flags, with one dash and with two', async () => {
    expect(await bash('-log-')).toEqual(['-log-level', '-log-format'])
    expect(await bash('--log-')).toEqual(['--log-level', '--log-format'])
    expect(await bash('-jun')).toEqual(['-junit'])
    const all = await bash('-')
    for (const name of optionNames) expect(all).toContain(`-${name}`)
  })
  test('the values of flags', async () => {
    expect(await bash('-log-level', 'd')).toEqual(['debug'])
    expect(await bash('--backend', 'etc')).toEqual(['etcdv3', 'etcdv2'])
    expect(await bash('-file', '/etc/host')).toContain('/etc/hosts')
    expect(await bash('-confdir', '/et')).toEqual(['/etc'])
    expect(await bash('-prefix', '/et')).toEqual([])
    expect(await bash('-log-level', '=')).toContain('debug')
    expect(await bash('-log-level', '=', 'd')).toEqual(['debug'])
  })
  test('names with spaces', async () => {
    const folder = tempDir('bash')
    try {
      writeFileSync(join(folder, 'my keys.yaml'), '')
      expect(await bash('-file', `${folder}/my`)).toEqual([`${folder}/my keys.yaml`])
    } finally {
      removeDir(folder)
    }
  })
})

describe('fish', () => {
  test('commands', async () => {
    expect(await fish('reconfd che')).toEqual(['check'])
    expect((await fish('reconfd completion ')).sort()).toEqual(['bash', 'fish', 'zsh'])
  })
  test('flags and their values', async () => {
    expect(await fish('reconfd -log-')).toEqual(['-log-format', '-log-level'])
    expect(await fish('reconfd -log-level d')).toEqual(['debug'])
    expect(await fish('reconfd -backend z')).toEqual(['zookeeper'])
  })
})

/** Returns a line as zsh completes it after Tab. Uses a pseudo-terminal, because zsh completes only in a terminal. */
async function zsh(line: string): Promise<string> {
  const { path, env } = serverBinary('zsh')
  const folder = tempDir('zsh')
  try {
    writeFileSync(join(folder, 'completion'), completionText('zsh'))
    const script = `
      modules=($1/usr/lib/*/zsh/*(N/) $1/lib/*/zsh/*(N/)); (( $#modules )) && module_path=($modules)
      folders=($1/usr/share/zsh/functions/**/*(N/))
      zmodload zsh/zpty
      zpty inner "$2 -f -i"
      zpty -w inner "module_path=($module_path); (( $#folders )) && fpath=($folders)
        autoload -Uz compinit; compinit -u -D; source $3; bindkey '^I' complete-word
        told() { print -r -- LINE''='['\\$BUFFER']' }; zle -N told; bindkey '^X' told; print RE''ADY"
      while zpty -r inner said; do [[ $said = *READY* ]] && break; done
      zpty -w -n inner "$4"$'\\t\\x18'
      while zpty -r inner said; do [[ $said = *'LINE=['*']'* ]] && break; done
      print -r -- $said`
    const root = path.replace(/\/(?:usr\/)?bin\/zsh$/, '')
    const args = ['-f', '-c', script, 'zsh', root, path, join(folder, 'completion'), line]
    const { all } = await execa(path, args, { env, all: true, timeout: 20_000 })
    return /LINE=\[(.*)\]/.exec(all)?.[1] ?? all
  } finally {
    removeDir(folder)
  }
}

test.each([
  ['reconfd compl', 'reconfd completion '],
  ['reconfd completion fi', 'reconfd completion fish '],
  ['reconfd -log-le', 'reconfd -log-level '],
  ['reconfd -log-level deb', 'reconfd -log-level debug '],
  ['reconfd -onetime -backend zoo', 'reconfd -onetime -backend zookeeper '],
])('zsh: %s', async (line, completed) => {
  expect(await zsh(line)).toBe(completed)
})
