// Without /proc, descriptors have no paths. reconfd then writes a file only if nobody else can change any folder of its
// path, and refuses all other files.
import { spawnSync } from 'node:child_process'
import {
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { withSite, type Site } from '../e2e/support.ts'
import { programWith } from '../support/program.ts'

const HIDE = 'mount -t tmpfs none /proc && exec "$@"'
const unshare = (...command: string[]) =>
  spawnSync('unshare', ['--mount', 'sh', '-c', HIDE, 'sh', ...command], { encoding: 'utf8' })
const canHide = process.geteuid?.() === 0 && unshare('true').status === 0

function once(site: Site): { readonly code: number | null; readonly said: string } {
  const args = ['-onetime', '-file', join(site.root, 'keys.json'), '-confdir', site.root]
  const where = [
    '-conf-file',
    join(site.root, 'confd.toml'),
    '-state-dir',
    join(site.root, 'state'),
  ]
  const [program, all] = programWith(...args, ...where)
  const { status, stdout, stderr } = unshare(program, ...all)
  return { code: status, said: stdout + stderr }
}

// Skipped for the single executable, which finds itself through /proc.
test.runIf(canHide && process.env['RECONFD_PROGRAM'] === undefined)(
  'a folder of root is written to, one of another user is not (needs root)',
  async () => {
    await withSite([], async (site) => {
      writeFileSync(join(site.root, 'keys.json'), '{"v": "1"}')
      site.template('own', '{{ getv("/v") }}')
      const check_cmd = 'test "$(cat {{.src}})" = 1'
      site.resource('own', {
        dest: site.path('deep/er/own'),
        mkdirs: true,
        backup: true,
        check_cmd,
      })
      mkdirSync(site.path('real'))
      writeFileSync(site.path('real/file'), 'old')
      symlinkSync('real/file', site.path('link'))
      site.template('link', '{{ getv("/v") }}')
      site.resource('link')
      expect(once(site)).toEqual({ code: 0, said: expect.any(String) as string })
      expect([site.read('deep/er/own'), site.read('real/file')]).toEqual(['1', '1'])

      mkdirSync(site.path('app'))
      chownSync(site.path('app'), 65534, 65534)
      site.template('foreign', '{{ getv("/v") }}')
      site.resource('foreign', { dest: site.path('app/conf') })
      const { code, said } = once(site)
      expect(code).toBe(1)
      expect(said).toContain(
        `${site.path('app/conf')} cannot be reached safely: ${site.path('app')} belongs to user 65534 (nobody), and /proc is not mounted`,
      )
      expect([readdirSync(site.path('app')), readFileSync(site.path('real/file'), 'utf8')]).toEqual(
        [[], '1'],
      )
    })
  },
)
