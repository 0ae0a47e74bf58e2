// Commands with hostile paths: no part of a path may be executed. Tries 3,000 pairs of a command and a path, or
// 60,000 with RECONFD_LONG=1. Each command runs in every shell of this machine, in a folder where an executed path
// creates the file RAN.
import { execFileSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { expandCommand, isPlain, shellWord } from '../../src/core/command.ts'
import { attempt } from '../../src/core/fault.ts'
import { isLong, printSeed, randomFrom, seed } from '../faults/random.ts'
import { removeDir, tempDir } from '../support/process.ts'

const PAIRS = isLong ? 60_000 : 3_000
const AT_ONCE = 500
const SHELLS = [['/bin/sh'], ['/bin/bash', '--posix'], ['/bin/bash']].filter(([shell = '']) =>
  existsSync(shell),
)

let folder: string
beforeAll(() => {
  printSeed('shell')
  folder = tempDir('shell')
})
afterAll(() => removeDir(folder))

const random = randomFrom(seed)
const pick = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)] as T
const many = (all: readonly string[], most: number): string =>
  Array.from({ length: 1 + Math.floor(random() * most) }, () => pick(all)).join('')

const RUN = '>RAN'
const PATH_PIECES = [
  ...[
    RUN,
    RUN,
    `;${RUN};`,
    `$(${RUN})`,
    `\`${RUN}\``,
    `\n${RUN}\n`,
    `'\n${RUN}\n'`,
    `"\n${RUN}\n"`,
  ],
  ...[
    `';${RUN};'`,
    `";${RUN};"`,
    `)\n${RUN}\n(`,
    `}\n${RUN}\n{`,
    `\nX\n${RUN}\n`,
    `\\';${RUN};\\'`,
  ],
  ...[
    "'",
    '"',
    '`',
    '$',
    '$(',
    ')',
    '(',
    '{',
    '}',
    ';',
    '\n',
    '\\',
    '#',
    '&',
    '|',
    ' ',
    'X',
    'a',
    '!',
    '~',
  ],
]
const hostilePath = (): string => join(folder, 'p') + many(PATH_PIECES, 4)

/** Forms of commands that people write. Attacks on these forms have succeeded in the past. */
const SHAPES = [
  'cat {{.src}}',
  'cat "{{.src}}"',
  "cat '{{.src}}'",
  'test "$(cat {{.src}} | wc -l)" -ge 0',
  'test "$(cat "{{.src}}" | wc -l)" -ge 0',
  `test "$(cat '{{.src}}' | wc -l)" -ge 0`,
  'test "`cat {{.src}} | wc -l`" -ge 0',
  'echo `cat {{.src}}`',
  "true # it's fine\ncat {{.src}}",
  'true # see {{.src}}\ncat {{.dest}}',
  "sh -c 'cat {{.src}}'",
  'sh -c "cat {{.src}}"',
  'sh -ec "cat \'{{.src}}\'"',
  `sh -c 'cat "$1"' sh {{.src}}`,
  'V={{.src}}; eval "cat $V"',
  'V="{{.src}}" sh -c "cat $V"',
  'echo {{.src}} | sh',
  'echo {{.src}} | xargs cat',
  'cat <<X\n{{.src}}\nX',
  "cat <<'X'\n{{.src}}\nX\ncat {{.src}}",
  'cat <<-X\n\tit\\\nX\n{{.src}}\nX',
  'cat <<X\n$(cat <<Y\nX\nY\n)\n{{.src}}\nX',
  'cat <<A <<B\na\nA\n{{.src}}\nB\ncat {{.src}}',
  'case {{.src}} in *) cat {{.src}};; esac',
  'echo $(case x in x) echo {{.src}};; esac)',
  'echo ${V:-{{.src}}} "${V:-{{.src}}}"',
  'echo $((1)) {{.src}}',
  'echo ${{.src}} \\{{.src}} \\\\{{.src}}',
  "echo $'a\\' {{.src}}",
  'if true; then (cat {{.src}}); else { cat {{.src}}; }; fi',
  'f() { cat {{.src}}; }; f',
  'echo a\\\n# {{.src}}',
  "echo a \\\n# it's\ncat {{.src}}",
  'cat {{.src}} | while read -r l; do echo "$l"; done',
  'awk \'BEGIN { system("cat {{.src}}") }\'',
]
const PIECES = [
  ...['{{.src}}', '{{.src}}', '{{.src}}', '{{.dest}}', '{{ src }}'],
  ...["'", '"', '`', '$(', ')', '(', '${V:-', '}', '$', '\\', '\n', '\\\n', '#', ' # ', ';', ' '],
  ...[
    '<<X\n',
    '<<-X\n',
    "<<'X'\n",
    '<<X',
    '\nX\n',
    '\n\tX\n',
    'X',
    'echo ',
    'cat ',
    'true',
    "it's",
  ],
  ...['case x in ', ' esac', ';;', '|| ', '&& ', '| ', "$'", '$((', '))', 'V=', '-c ', '{ ', '; }'],
]
const command = (): string => (random() < 0.3 ? pick(SHAPES) : many(PIECES, 14))

/** Returns the command with the path inserted, or undefined if the path is refused. */
function expanded(text: string, path: string): string | undefined {
  const done = attempt(() => expandCommand(text, { src: path, dest: path }))
  return done.ok ? done.value : undefined
}

/** Runs commands, each in its own shell, and returns the first one that has created RAN. */
function firstThatRan(commands: readonly string[], shell: readonly string[]): string | undefined {
  const script = commands
    .map(
      (text, n) =>
        `( eval ${shellWord(text)} ) </dev/null >/dev/null 2>&1\n[ -e RAN ] && exit ${n % 200}`,
    )
    .join('\n')
  writeFileSync(join(folder, 'script'), script)
  const [program = '', ...args] = shell
  try {
    execFileSync(program, [...args, 'script'], { cwd: folder, stdio: 'ignore' })
  } catch {
    // The last command may have made the shell exit.
  }
  if (!existsSync(join(folder, 'RAN'))) return undefined
  return commands.find((text) => {
    removeDir(join(folder, 'RAN'))
    writeFileSync(join(folder, 'one'), text)
    try {
      execFileSync(program, [...args, '-c', text], { cwd: folder, stdio: 'ignore' })
    } catch {
      // Most of these commands are invalid.
    }
    return existsSync(join(folder, 'RAN'))
  })
}

test(
  `operator's paths: ${PAIRS} pairs, no byte of a path runs`,
  { timeout: isLong ? 1_800_000 : 120_000 },
  () => {
    let refused = 0
    let batch: string[] = []
    const work = (): void => {
      for (const shell of SHELLS) expect(firstThatRan(batch, shell)).toBeUndefined()
      batch = []
    }
    for (let n = 0; n < PAIRS; n++) {
      const text = expanded(command(), hostilePath())
      if (text === undefined) refused++
      else if (batch.push(text) >= AT_ONCE) work()
    }
    work()
    // If nearly all paths were refused, the test would prove nothing.
    expect(PAIRS - refused).toBeGreaterThan(PAIRS / 10)
  },
)

test('paths of a store: one that is not plain goes into no command', () => {
  for (let n = 0; n < PAIRS; n++) {
    const [text, path] = [pick(SHAPES), hostilePath()]
    const paths = { src: path, dest: path, fromStore: true }
    if (isPlain(path)) continue
    expect(attempt(() => expandCommand(text, paths))).toMatchObject({ ok: false })
  }
})

test.each(['cat {{.src}}', 'cat "{{.src}}"', "cat '{{.src}}'", 'echo "$(cat {{.src}})"'])(
  'an odd path of the operator still reaches the program as one word: %s',
  (text) => {
    const path = join(folder, `it's "odd" $HOME`)
    writeFileSync(path, 'content\n')
    const full = expanded(text, path) ?? ''
    for (const [shell = '', ...args] of SHELLS) {
      expect(execFileSync(shell, [...args, '-c', full], { encoding: 'utf8' })).toBe('content\n')
    }
  },
)
