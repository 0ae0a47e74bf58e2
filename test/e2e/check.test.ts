// Runs the built program with check, -preflight, -validate, -noop -diff, test and -report. Also tests the final table.
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { SaxesParser } from 'saxes'
import { expect, onTestFinished, test } from 'vitest'
import { programWith } from '../support/program.ts'
import { freePorts, removeDir, startEtcd, tempDir } from '../support/servers.ts'

const top = fileURLToPath(new URL('../..', import.meta.url))

interface Said {
  readonly code: number | undefined
  readonly stdout: string
  readonly stderr: string
}

/** A confdir with a keys file, a folder for destinations and a state directory. */
class Place {
  readonly root = tempDir('check')
  readonly out = join(this.root, 'out')

  constructor(files: Readonly<Record<string, string>>) {
    mkdirSync(this.out)
    for (const [path, text] of Object.entries(files)) this.put(path, text)
    onTestFinished(() => removeDir(this.root))
  }

  put(path: string, text: string): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true })
    writeFileSync(join(this.root, path), text.replaceAll('OUT', this.out))
  }

  async run(...args: readonly string[]): Promise<Said> {
    const fixed = ['-confdir', this.root, '-conf-file', join(this.root, 'confd.toml')]
    const { exitCode, stdout, stderr } = await execa(
      ...programWith(...args, ...fixed, '-state-dir', join(this.root, 'state')),
      { cwd: this.root, reject: false, timeout: 60_000 },
    )
    return { code: exitCode, stdout, stderr }
  }

  /** Returns the names of the files in the output folder, and `state` if there is a state directory. */
  made(): string[] {
    return [...readdirSync(this.out), ...(existsSync(join(this.root, 'state')) ? ['state'] : [])]
  }
}

const resource = (more: string, name = 'a'): string =>
  `[template]\nsrc = "${name}.njk"\ndest = "OUT/${name}.conf"\nkeys = ["/app"]\n${more}`

const site = (more = ''): Readonly<Record<string, string>> => ({
  'conf.d/a.toml': resource(more),
  'templates/a.njk': '{"port": {{ getv("/app/port") }}}\n',
  'keys.yaml': 'app:\n  port: 80\n',
  'confd.toml': '',
})

const trials = (): string[] =>
  readdirSync(tmpdir()).filter((name) => name.startsWith('reconfd-trial'))

test('check: reports all findings, including those of settings, with exit code 78; -json for editors', async () => {
  const place = new Place({ ...site('modus = 1\n'), 'confd.toml': 'noop = 3\n' })
  const { code, stdout } = await place.run('check')
  expect(code).toBe(78)
  expect(stdout).toContain(`${place.root}/confd.toml:1:8: error: noop must be true or false`)
  expect(stdout).toContain(`${place.root}/conf.d/a.toml:5:1: error: unknown key modus`)
  const json = await place.run('-check-config', '-json')
  expect(json.code).toBe(78)
  expect(JSON.parse(json.stdout)).toMatchObject({
    ok: false,
    resources: 1,
    templates: 1,
    findings: [
      { severity: 'error', file: join(place.root, 'conf.d/a.toml'), line: 5, column: 1 },
      { severity: 'error', file: join(place.root, 'confd.toml'), line: 1, column: 8 },
    ],
  })
})

test('check: exits with 0 without findings, and changes nothing', async () => {
  const place = new Place(site('check_cmd = "false"\nreload_cmd = "false"\n'))
  const { code, stdout } = await place.run('check')
  expect([code, stdout]).toEqual([0, 'no faults in 1 resource with 1 template'])
  expect(place.made()).toEqual([])
})

test('-preflight: tests every node, key, destination and command, and leaves nothing behind', async () => {
  const etcd = await startEtcd()
  onTestFinished(() => etcd.stop())
  await etcd.client.put('/app/port', '80')
  const place = new Place({
    ...site('check_cmd = "true && nosuchprogram {{.src}}"\nreload_cmd = "OUT/../keys.yaml"\n'),
    'conf.d/b.toml': '[template]\nsrc = "a.njk"\ndest = "OUT/none/b.conf"\nkeys = ["/other"]\n',
  })
  const [port] = await freePorts(1)
  const nodes = ['-node', etcd.node, '-node', `127.0.0.1:${port}`]
  const { code, stdout } = await place.run('check', '-preflight', ...nodes)
  expect(code).toBe(69)
  const table = stdout.replaceAll(/ {2,}/g, '  ')
  for (const line of [
    `store  etcdv3 ${etcd.node}  ok  1 key`,
    `store  etcdv3 127.0.0.1:${port}  FAILED  cannot reach etcd at http://127.0.0.1:${port}`,
    'keys  a.toml /app  ok  1 key',
    'keys  b.toml /other  !  no keys',
    `destination  a.toml ${place.out}/a.conf  ok  can be written`,
    `destination  b.toml ${place.out}/none/b.conf  FAILED  cannot write ${place.out}/none/b.conf`,
    `state  ${place.root}/state  ok  can be written`,
    'command  true  ok  used by a.toml',
    'command  nosuchprogram  FAILED  nosuchprogram was not found (a.toml)',
    `command  ${place.out}/../keys.yaml  FAILED  ${place.out}/../keys.yaml is not an executable program`,
  ])
    expect(table).toContain(line)
  expect(place.made()).toEqual([])
})

test('-preflight: reports each key that may not be read', async () => {
  const etcd = await startEtcd()
  onTestFinished(() => etcd.stop())
  await etcd.client.put('/app/port', 's3cret')
  await etcd.client.enableAuth('root-password', { name: 'u', password: 'pw-of-u', prefix: '/app' })
  const place = new Place({
    ...site(),
    'conf.d/b.toml': resource('', 'b').replace('"/app"', '"/app", "/other"'),
    'templates/b.njk': '',
  })
  const asked = await place.run('-preflight', '-node', etcd.node)
  expect(asked.code).toBe(69)
  expect(asked.stdout).toMatch(/^store .* FAILED /m)
  expect(asked.stdout).toMatch(/^keys +a\.toml \/app +FAILED /m)
  const user = ['-username', 'u', '-password', 'pw-of-u']
  const some = await place.run('-preflight', '-node', etcd.node, ...user)
  expect(some.code).toBe(69)
  expect(some.stdout).toMatch(/^keys +a\.toml \/app +ok +1 key$/m)
  expect(some.stdout).toMatch(/^keys +b\.toml \/app +ok +1 key$/m)
  expect(some.stdout).toMatch(/^keys +b\.toml \/other +FAILED /m)
  for (const { stdout, stderr } of [asked, some]) {
    expect(stdout + stderr).not.toMatch(/s3cret|pw-of-u/)
  }
})

test('-preflight: reports a state directory that cannot be created', async () => {
  const place = new Place({ ...site(), state: '' })
  const { code, stdout } = await place.run('-preflight', '-file', join(place.root, 'keys.yaml'))
  expect(code).toBe(1)
  expect(stdout).toMatch(/^state .*\/state +FAILED +cannot write .*\/state: /m)
})

test('-preflight: waits only once for an unreachable store, not once per key', async () => {
  const [port] = await freePorts(1)
  const place = new Place(site())
  const { code, stdout } = await place.run('-preflight', '-node', `127.0.0.1:${port}`)
  expect(code).toBe(69)
  expect(stdout).toMatch(/^keys +a\.toml \/app +FAILED +not read: no node of the store answered$/m)
})

test('-validate: renders from a file, applies output_format and check_cmd, and writes nothing', async () => {
  const before = trials()
  const check = 'check_cmd = "grep -q 80 {{.src}} && test ! -e {{.dest}}"\noutput_format = "json"\n'
  const place = new Place(site(check))
  const good = await place.run('check', '-validate', '-file', 'keys.yaml')
  expect([good.code, good.stderr]).toEqual([0, ''])
  expect(good.stdout).toContain('resource  a.toml  ok  1 template rendered, 1 check_cmd run')

  place.put('keys.yaml', 'app:\n  port: s3cret\n')
  const bad = await place.run('-validate', '-file', 'keys.yaml')
  expect(bad.code).toBe(1)
  expect(bad.stdout).toContain(
    `${place.out}/a.conf is not valid JSON: line 1, column 10: expected a value`,
  )
  place.put('keys.yaml', 'app:\n  port: 90\n')
  const refused = await place.run('-validate', '-file', 'keys.yaml')
  expect(refused.code).toBe(1)
  expect(refused.stdout).toContain('check_cmd')
  expect(bad.stdout + bad.stderr).not.toContain('s3cret')
  expect(place.made()).toEqual([])
  expect(trials()).toEqual(before)
})

test.each([
  ['json', '{"a": 1}', '{"a": }', 'line 1, column 7: expected a value'],
  ['yaml', 'a: 1\n---\nb: 2', 'a: "x', 'Missing closing "quote'],
  ['toml', 'a = 1', 'a = ', 'line 1, column 5:'],
  [
    'xml',
    '<?xml version="1.0"?><a b="c"/>',
    '<a><b></a>',
    'line 1, column 10: unexpected close tag',
  ],
  ['xml', '<a/>', '<a>&', 'line 1, column 4:'],
])('output_format = %s rejects a file that does not parse', async (format, good, bad, why) => {
  const place = new Place(site(`output_format = "${format}"\ncheck_cmd = "touch OUT/checked"\n`))
  const run = () => place.run('-onetime', '-file', 'keys.yaml')
  place.put('templates/a.njk', bad)
  const refused = await run()
  expect(refused.code).toBe(1)
  expect(refused.stderr).toContain(`a.conf is not valid ${format.toUpperCase()}: `)
  expect(refused.stderr).toContain(why)
  expect(readdirSync(place.out)).toEqual([])
  place.put('templates/a.njk', good)
  expect((await run()).code).toBe(0)
  expect(readdirSync(place.out)).toEqual(['a.conf', 'checked'])
})

test('-noop -diff: shows the difference, runs check_cmd, and writes nothing', async () => {
  const place = new Place(site('check_cmd = "grep -q 80 {{.src}}"\nreload_cmd = "touch OUT/r"\n'))
  place.put('out/a.conf', 'old\n')
  const show = () => place.run('-onetime', '-noop', '-diff', '-file', 'keys.yaml')
  const good = await show()
  expect(good.code, good.stderr).toBe(0)
  expect(good.stdout).toContain('-old\n+{"port": 80}')
  place.put('keys.yaml', 'app:\n  port: 90\n')
  const bad = await show()
  expect(bad.code).toBe(1)
  expect(bad.stderr).toContain('check_cmd')
  expect(readFileSync(join(place.out, 'a.conf'), 'utf8')).toBe('old\n')
  expect(place.made()).toEqual(['a.conf'])
})

/** Runs the program on a terminal and returns its complete output, colours included. */
async function onTerminal(place: Place, args: string, env: Record<string, string> = {}) {
  const command = `${programWith(args).flat().join(' ')} -confdir ${place.root} -state-dir ${place.root}/state -file ${place.root}/keys.yaml`
  const { stdout } = await execa('script', ['-qec', command, '/dev/null'], {
    env: { NO_COLOR: '', ...env },
  })
  return stdout.replaceAll('\r', '')
}

test('on a terminal: a coloured difference, and a table at the end', async () => {
  const place = new Place(site('check_cmd = "true"\nreload_cmd = "true"\n'))
  const said = await onTerminal(place, '-onetime -diff')
  expect(said).toContain('\u001b[32m+{"port": 80}\u001b[0m')
  expect(said).toMatch(/^resource +result +read +changed +checks +reloads +time$/m)
  expect(said).toMatch(/^a\.toml +\S*changed\S* +1 +1 of 1 +1 ok +1 ok +[\d.]+ m?s$/m)
  const plain = await onTerminal(place, '-onetime -diff', { NO_COLOR: '1' })
  expect(plain).not.toContain('\u001b[3')
  expect(plain).toContain('1 resource in sync, nothing changed')
})

test('-report: lists reads, changes, checks and reloads, but no values', async () => {
  const place = new Place({
    ...site('check_cmd = "true"\nreload_cmd = "exit 3"\n'),
    'conf.d/b.toml': resource('', 'b'),
    'templates/b.njk': '{{ getv("/app/none") }}',
  })
  place.put('keys.yaml', 'app:\n  port: s3cret\n')
  const file = join(place.root, 'report.json')
  const { code } = await place.run('-onetime', '-file', 'keys.yaml', '-report', file)
  expect(code).toBe(1)
  const text = readFileSync(file, 'utf8')
  expect(text).not.toContain('s3cret')
  expect(JSON.parse(text)).toMatchObject({
    exit: 1,
    stores: [{ name: 'file', keys: 1 }],
    faults: [],
    resources: [
      {
        name: 'a.toml',
        result: 'failed',
        read: { count: 1, names: ['/app/port'] },
        files: [{ dest: join(place.out, 'a.conf'), change: 'create', written: true }],
        checks: [{ command: 'true', succeeded: true, exitCode: 0 }],
        reloads: [{ command: 'exit 3', succeeded: false, exitCode: 3 }],
        reloadOwed: true,
      },
      { name: 'b.toml', result: 'failed', files: [], faults: [{ kind: 'template', line: 1 }] },
    ],
  })
})

test('-report of a run that cannot start, and a report that cannot be written', async () => {
  const place = new Place({ ...site(), 'conf.d/a.toml': 'x' })
  const file = join(place.root, 'report.json')
  expect((await place.run('-onetime', '-report', file)).code).toBe(78)
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ exit: 78, resources: [] })
  place.put('conf.d/a.toml', resource(''))
  const lost = await place.run('-onetime', '-file', 'keys.yaml', '-report', '/proc/none/r.json')
  expect(lost.code).toBe(1)
  expect(lost.stderr).toContain('cannot write the report /proc/none/r.json')
})

const tested = (): Place => {
  const place = new Place({
    'conf.d/a.toml':
      '[template]\nsrc = "a.njk"\ndest = "/etc/none/a.conf"\nowner = "nobody-here"\nkeys = ["/app"]\nreload_cmd = "touch OUT/reloaded"\n',
    'templates/a.njk': 'port {{ getv("/app/port") }}\n',
    'tests/good/keys.yaml': 'app: { port: 80 }',
    'tests/good/expected/etc/none/a.conf': 'port 80\n',
    'tests/missing/keys.yaml': 'app: {}',
    'tests/missing/exit': '1\n',
    'tests/missing/expected-error.txt': 'key "/app/port" does not exist\n',
    'confd.toml': '',
  })
  return place
}

test('test: renders templates from given keys, without touching the real destinations', async () => {
  const place = tested()
  const { code, stdout } = await place.run('test')
  expect(code, stdout).toBe(0)
  expect(stdout).toMatch(/^ok +good +[\d.]+ m?s$/m)
  expect(stdout).toContain('2 passed, 0 failed')
  expect(existsSync('/etc/none')).toBe(false)
  expect(place.made()).toEqual([])
})

test('test: a readable difference, JUnit XML, and -update', async () => {
  const place = tested()
  place.put('tests/good/expected/etc/none/a.conf', 'port 81\n')
  place.put('tests/new/keys.json', '{"app": {"port": "<&\\u0001>"}}')
  const junit = join(place.root, 'junit.xml')
  const { code, stdout } = await place.run('test', join(place.root, 'tests'), '-junit', junit)
  expect(code).toBe(1)
  expect(stdout).toContain('etc/none/a.conf differs:')
  expect(stdout).toContain('    -port 81\n    +port 80\n')
  expect(stdout).toContain('1 passed, 1 failed')
  const names: string[] = []
  const parser = new SaxesParser()
  parser.on('opentag', ({ name, attributes }) => {
    names.push([name, attributes['name'] ?? attributes['failures'] ?? ''].join(' ').trim())
  })
  parser.write(readFileSync(junit, 'utf8')).close()
  expect(names).toEqual([
    'testsuites 1',
    'testsuite reconfd test',
    'testcase good',
    'failure',
    'testcase missing',
  ])

  const updated = await place.run('test', '-update')
  expect([updated.code, updated.stdout.split('\n').at(-1)]).toEqual([
    0,
    '1 passed, 0 failed, 2 updated',
  ])
  expect(readFileSync(join(place.root, 'tests/new/expected/etc/none/a.conf'), 'utf8')).toBe(
    'port <&\u0001>\n',
  )
  expect((await place.run('test')).stdout).toContain('3 passed, 0 failed')
})

test('test: fails for a folder without tests', async () => {
  const place = new Place({ ...site(), 'tests/README': '' })
  const { code, stderr } = await place.run('test')
  expect(code).toBe(1)
  expect(stderr).toContain(`no tests found in ${place.root}/tests`)
  expect((await place.run('test', '/none/such')).stderr).toContain('cannot read /none/such')
})

test('the example with tests passes', async () => {
  const { exitCode, all } = await execa(...programWith('test', join(top, 'examples/tested')), {
    all: true,
    reject: false,
  })
  expect(exitCode, all).toBe(0)
  expect(all).toContain('4 passed, 0 failed')
})

test('schema and completion are printed', async () => {
  const place = new Place(site())
  const { stdout } = await place.run('schema', 'resource')
  expect(`${stdout}\n`).toBe(readFileSync(join(top, 'docs/schema/resource.json'), 'utf8'))
  expect((await place.run('completion', 'bash')).stdout).toContain('complete -o filenames')
})

test('-dest-root and -no-reload: writes a tree of files without reloads', async () => {
  const place = tested()
  place.put('keys.yaml', 'app: { port: 80 }')
  const root = join(place.root, 'image')
  mkdirSync(root)
  chmodSync(root, 0o700)
  const args = ['-onetime', '-dest-root', root, '-no-reload', '-file', 'keys.yaml']
  const { code, stderr } = await place.run(...args)
  expect(code, stderr).toBe(0)
  expect(readFileSync(join(root, 'etc/none/a.conf'), 'utf8')).toBe('port 80\n')
  expect(readdirSync(place.out)).toEqual([])
})
