// Units: the causes that they collect between cycles, their pace, and the state that a new configuration takes over.
import { describe, expect, it } from 'vitest'
import { causeOf, causeOfFiles, type Cause } from '../../src/core/cause.ts'
import type { Key } from '../../src/core/key.ts'
import { plainReload, type Resource } from '../../src/core/resource.ts'
import { Unit, unitsOf } from '../../src/engine/unit.ts'
import { resourceOf } from './support.ts'

const pace = { quiet: 100, max: 2000 }
const of = (...keys: Key[]): Cause => causeOf(new Map(keys.map((key) => [key, 'value'])))
const inGroup = (name: string, more: Partial<Resource> = {}): Resource =>
  resourceOf(name, {}, { group: 'g', ...more })

describe('causes', () => {
  it('are all since the last cycle began, and none from before', () => {
    const unit = new Unit('a', [resourceOf('a')], pace)
    unit.addCause('a', of('/x', '/y'))
    unit.addCause('a', of('/y', '/z'))
    unit.addCause('a', causeOfFiles(['/t.njk']))
    expect(unit.takeCauses()).toEqual(
      new Map([['a', { keys: ['/x', '/y', '/z'], files: ['/t.njk'], more: 0 }]]),
    )
    expect(unit.takeCauses()).toEqual(new Map())
    unit.addCause('a', of('/w'))
    expect(unit.takeCauses()).toEqual(new Map([['a', of('/w')]]))
  })

  it('are kept per resource of a group', () => {
    const unit = new Unit('group g', [inGroup('a'), inGroup('b')], pace)
    unit.addCause('a', of('/a'))
    unit.addCause('b', of('/b'))
    expect(unit.takeCauses()).toEqual(
      new Map([
        ['a', of('/a')],
        ['b', of('/b')],
      ]),
    )
  })
})

describe('units', () => {
  it('are the groups, and the resources without a group', () => {
    const units = unitsOf([inGroup('a'), resourceOf('b'), inGroup('c')], pace)
    expect(units.map(({ name, names }) => [name, names])).toEqual([
      ['group g', ['a', 'c']],
      ['b', ['b']],
    ])
  })

  it('use the slowest pace of their resources', () => {
    const unit = new Unit(
      'group g',
      [inGroup('a', { quiet: 5, quietMax: 9000 }), inGroup('b')],
      pace,
    )
    expect(unit.pace).toEqual({ quiet: 100, max: 9000 })
  })

  it('adapt their quiet time to the changes unless one is set', () => {
    const adapting = { quiet: undefined, max: 2000 }
    const paceOf = (quiet?: number) =>
      new Unit(
        'group g',
        [inGroup('a', quiet === undefined ? {} : { quiet }), inGroup('b')],
        adapting,
      ).pace
    expect([paceOf(), paceOf(5), paceOf(500)]).toEqual([
      adapting,
      { quiet: 100, max: 2000 },
      { quiet: 500, max: 2000 },
    ])
  })

  it('are judged by a reload with a rollback or a verify_cmd', () => {
    const isJudged = (reload: Partial<Resource['reload']>, reloadCmd?: string): boolean => {
      const template = reloadCmd === undefined ? {} : { reloadCmd }
      const resource = resourceOf('a', template, { reload: { ...plainReload, ...reload } })
      return new Unit('a', [resource], pace).isJudged
    }
    const verify = { command: 'verify', timeout: 1, attempts: 1 }
    expect([isJudged({}, 'x'), isJudged({ onFailure: 'rollback' })]).toEqual([false, false])
    expect([isJudged({ onFailure: 'rollback' }, 'x'), isJudged({ verify }, 'x')]).toEqual([
      true,
      true,
    ])
  })

  it('take over the state of previous units', () => {
    const [a, b] = unitsOf([resourceOf('a'), resourceOf('b')], pace)
    a?.addCause('a', of('/a'))
    b?.addCause('b', of('/b'))
    if (a !== undefined) a.consentOf('a').accepted = 'hash'
    const [group, ...more] = unitsOf([inGroup('a'), inGroup('c')], pace, [a, b] as Unit[])
    expect(more).toEqual([])
    expect([...(group?.consents ?? [])]).toEqual([['a', { accepted: 'hash' }]])
    expect(group?.takeCauses()).toEqual(new Map([['a', of('/a')]]))
  })

  it('touch no file while a previous unit works on it, even one with another name', async () => {
    const steps: string[] = []
    const [former] = unitsOf([resourceOf('old', { dest: '/etc/same' })], pace)
    let end = (): void => undefined
    const work = former?.inTurn(async () => {
      await new Promise<void>((resolve) => (end = resolve))
      steps.push('former')
    })
    const [fresh, other] = unitsOf(
      [resourceOf('new', { dest: '/etc/same' }), resourceOf('other')],
      pace,
      former === undefined ? [] : [former],
    )
    const next = fresh?.inTurn(async () => void steps.push('fresh'))
    await other?.inTurn(async () => void steps.push('other'))
    end()
    await Promise.all([work, next])
    expect(steps).toEqual(['other', 'former', 'fresh'])
  })

  it('do one thing at a time, and continue after an exception', async () => {
    const unit = new Unit('a', [resourceOf('a')], pace)
    const steps: string[] = []
    const failing = unit.inTurn(async () => {
      steps.push('one')
      throw new Error('a bug')
    })
    const next = unit.inTurn(async () => void steps.push('two'))
    await expect(failing).rejects.toThrow('a bug')
    await next
    expect(steps).toEqual(['one', 'two'])
  })
})
