// The clients of stores are shared with the engine, so their hints name the engine's flags.
import type { Fault } from '../core/fault.ts'

/** Names the flag of `register` in the hint of a fault. */
export function forRegister(fault: Fault, flag: '-to' | '-docker'): Fault {
  if (fault.hint === undefined) return fault
  const hint = fault.hint.replace(/-node\b/g, flag).replace('-backend etcdv2', '-to etcdv2://')
  return { ...fault, hint }
}
