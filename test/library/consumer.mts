// A user's program, which package.test.ts compiles and runs with the installed package. It follows an etcd server until
// it has seen the title `two`. It does not call process.exit(), so it never exits if the library leaves a handle open.
import {
  formatFault,
  render,
  run,
  type Ended,
  type Event,
  type Fault,
  type Keys,
  type Reads,
  type RenderOptions,
  type Rendered,
  type Result,
  type RunOptions,
  type Settings,
  type StoreSettings,
} from 'reconfd'

const [node = '', confdir = ''] = process.argv.slice(2)

// The types must refuse wrong settings.
const store: StoreSettings = { backend: 'etcdv3', nodes: [node], password: undefined }
const settings: Settings = { ...store, confdir, state_dir: `${confdir}/state`, debounce: '10ms' }
// @ts-expect-error there is no such backend
const noBackend: Settings = { backend: 'etcdv4' }
// @ts-expect-error only the command has this setting
const ofTheCommand: Settings = { log_level: 'info' }
// @ts-expect-error `template` and `file` exclude each other
const both: RenderOptions = { template: '', file: '', keys: {} }
// @ts-expect-error a function is not a value
const noValue: Keys = { a: () => 'b' }
void [noBackend, ofTheCommand, both, noValue]

const stop = new AbortController()
const written: string[] = []
const onEvent = (event: Event): void => {
  if (event.kind === 'reloaded') written.push(`${event.resources.join()} ${event.result.exitCode}`)
  if (event.kind === 'reloaded' && written.length === 2) stop.abort()
  if (event.kind === 'failed') tell(event.fault)
}
const tell = (fault: Fault): void => console.error(formatFault(fault))

const options: RunOptions = { settings, signal: stop.signal, onEvent }
const ended: Ended = await run(options)
switch (ended.kind) {
  case 'done':
    console.log(JSON.stringify({ written, failed: ended.failed, changed: ended.changed }))
    break
  case 'configuration':
  case 'unreachable':
    ended.faults.forEach(tell)
    process.exitCode = 1
    break
  case 'stopped':
    process.exitCode = 2
}

const made: Result<Rendered, Fault> = await render({ template: '{{ getv("/a") }}', keys: { a: 1 } })
const reads: Reads | undefined = made.ok ? made.value.reads : undefined
console.log(made.ok ? made.value.text : '', [...(reads?.keys ?? [])].join())
