// The floor: the least that does the job on etcd. It watches the same stream, writes the file and
// spawns the command; no staging, no check, no owed reload, no template.
//   node bench/floor.mjs HOST:PORT PREFIX DEST COMMAND
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { request } from 'node:http'

const [node, prefix, dest, command] = process.argv.slice(2)
const b64 = (text) => Buffer.from(text).toString('base64')
const text = (base64) => Buffer.from(base64 ?? '', 'base64').toString()
const range = {
  key: b64(prefix),
  range_end: b64(
    prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1),
  ),
}

const keys = new Map()
const listed = await fetch(`http://${node}/v3/kv/range`, {
  method: 'POST',
  body: JSON.stringify(range),
}).then((answer) => answer.json())
for (const { key, value } of listed.kvs ?? []) keys.set(text(key), text(value))
apply()

const watch = request(`http://${node}/v3/watch`, { method: 'POST' }, (answer) => {
  let rest = ''
  answer.on('data', (chunk) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop()
    for (const line of lines) {
      const events = JSON.parse(line).result?.events ?? []
      for (const { type, kv } of events) {
        if (type === 'DELETE') keys.delete(text(kv.key))
        else keys.set(text(kv.key), text(kv.value))
      }
      if (events.length > 0) apply()
    }
  })
})
watch.end(
  JSON.stringify({
    create_request: { ...range, start_revision: Number(listed.header.revision) + 1 },
  }),
)

function apply() {
  const names = [...keys.keys()].sort()
  writeFileSync(dest, names.map((key) => `${key} = ${keys.get(key)}\n`).join(''))
  spawn('/bin/sh', ['-c', command], { stdio: 'ignore' })
}
