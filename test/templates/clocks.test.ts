// A time in the output of a template may change only when other output changes.
import { afterAll, expect, it, vi } from 'vitest'
import { Times } from '../../src/templates/clocks.ts'
import { createRenderer } from '../../src/templates/render.ts'
import { removeDir } from '../support/process.ts'
import { scopeFor, treeFrom, Workshop } from './helper.ts'

const workshop = new Workshop()
afterAll(() => {
  vi.useRealTimers()
  removeDir(workshop.folder)
})

workshop.write('a.tmpl', '# {{datetime.UTC.Format "15:04:05"}}\n{{getv "/v"}}{{getv "/other" ""}}')
workshop.write('a.njk', '# {{ datetime().UTC().Format("15:04:05") }}\n{{ getv("/v") }}')
workshop.write('plain.njk', '{{ getv("/v") }}')

it.each(['a.tmpl', 'a.njk'])('%s', async (name) => {
  const renderer = createRenderer(workshop.folder, { times: new Times() })
  const rendered = async (time: string, keys: Record<string, string>): Promise<string> => {
    vi.useFakeTimers({ now: new Date(`2026-01-02T${time}Z`), toFake: ['Date'] })
    const result = await renderer.render(workshop.spec(name), treeFrom(keys), scopeFor())
    return result.ok ? Buffer.from(result.value.bytes).toString() : result.error.fault.message
  }
  expect(await rendered('10:00:00', { '/v': '1' })).toBe('# 10:00:00\n1')
  expect(await rendered('11:00:00', { '/v': '1' })).toBe('# 10:00:00\n1')
  expect(await rendered('12:00:00', { '/v': '2' })).toBe('# 12:00:00\n2')
  expect(await rendered('13:00:00', { '/v': '2', '/unread': 'x' })).toBe('# 12:00:00\n2')
  expect(await rendered('14:00:00', { '/v': '1' })).toBe('# 14:00:00\n1')
})

it('without a memory each render sees its own time', async () => {
  const rendered = async (time: string) => {
    vi.useFakeTimers({ now: new Date(`2026-01-02T${time}Z`), toFake: ['Date'] })
    return (await workshop.render('a.njk', { '/v': '1' })).text
  }
  expect(await rendered('10:00:00')).toBe('# 10:00:00\n1')
  expect(await rendered('11:00:00')).toBe('# 11:00:00\n1')
})
