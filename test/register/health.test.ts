// How check results change the health of a service, and how health affects the store. The tested code is pure.
import { describe, expect, test } from 'vitest'
import { nextHealth, initialHealth, type Health } from '../../src/register/health.ts'
import { stepsFor, type ReconcileInput } from '../../src/register/reconcile.ts'

const limits = { rise: 2, fall: 3 }

/** Returns the state after each result: `+` passed, `-` failed. */
function states(fresh: boolean, results: string): string {
  let health: Health = initialHealth(fresh)
  return [...results]
    .map((result) => {
      health = nextHealth(health, result === '+', limits)
      return health.state
    })
    .join(' ')
}

describe('health', () => {
  test('the first registration takes one success', () => {
    expect(states(true, '-----+')).toMatch(/^(starting ){5}healthy$/)
    expect(states(false, '+')).toBe('healthy')
  })

  test('an entry of an earlier run goes after fall failures', () => {
    expect(states(false, '---')).toBe('undecided undecided starting')
    expect(states(false, '---+')).toBe('undecided undecided starting healthy')
  })

  test('fall failures in a row take it out, rise successes put it back', () => {
    expect(states(true, '+--+---')).toBe(
      'healthy healthy healthy healthy healthy healthy unhealthy',
    )
    expect(states(true, '+---+-++')).toMatch(/unhealthy unhealthy unhealthy unhealthy healthy$/)
  })
})

describe('steps', () => {
  const situation = (given: Partial<ReconcileInput>): ReconcileInput => ({
    wanted: new Map(),
    undecided: new Set(),
    complete: true,
    present: new Map(),
    refused: new Map(),
    ...given,
  })

  test('only differences are written', () => {
    const wanted = new Map([
      ['a', '1'],
      ['b', '2'],
      ['c', '3'],
    ])
    const present = new Map([
      ['a', '1'],
      ['b', 'x'],
      ['d', '4'],
    ])
    expect(stepsFor(situation({ wanted, present }), 0)).toEqual({ put: ['b', 'c'], remove: ['d'] })
  })

  test('nothing is removed while its service may be alive, or before all sources have reported', () => {
    const present = new Map([['a', '1']])
    expect(stepsFor(situation({ present, undecided: new Set(['a']) }), 0).remove).toEqual([])
    expect(stepsFor(situation({ present, complete: false }), 0).remove).toEqual([])
  })

  test('a refused entry is retried later, and at once when it changes', () => {
    const refused = new Map([['a', { text: '1', until: 10 }]])
    const wants = (text: string, now: number) =>
      stepsFor(situation({ wanted: new Map([['a', text]]), refused }), now).put
    expect(wants('1', 9)).toEqual([])
    expect(wants('1', 10)).toEqual(['a'])
    expect(wants('2', 0)).toEqual(['a'])
  })
})
