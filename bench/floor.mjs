// The floor of the bench: the smallest program in plain Node that does the job. It reads the keys, writes the file and
// watches for changes, without staging, checks, owed reloads or templates.
//   node bench/floor.mjs [-once|-durable] etcdv3|consul HOST:PORT PREFIX DEST [COMMAND]
// With -durable, it also keeps reconfd's promises for a crash, with the fewest possible system calls: it syncs the new
// content, records the owed reload, renames the file into place, and syncs the folder.
import { appendFileSync, closeSync, fsyncSync, openSync, renameSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { dirname } from 'node:path'

const mode = /^-(once|durable)$/.exec(process.argv[2])?.[1]
const once = mode === 'once'
const [backend, node, prefix, dest, command] = process.argv.slice(mode === undefined ? 2 : 3)
const [host, port] = node.split(':')
const { spawn } = command === undefined ? {} : await import('node:child_process')
const agent = new Agent({ keepAlive: true })
const b64 = (text) => Buffer.from(text).toString('base64')
const text = (base64) => Buffer.from(base64 ?? '', 'base64').toString()

/** Sends a request whose answer is read as it arrives. */
function open(method, path, body, onAnswer) {
  request({ host, port, method, path, agent }, onAnswer).end(body)
}

const ask = (method, path, body) =>
  new Promise((resolve) => {
    open(method, path, body, (answer) => {
      const chunks = []
      answer.on('data', (chunk) => chunks.push(chunk))
      answer.on('end', () => {
        resolve({ headers: answer.headers, json: JSON.parse(Buffer.concat(chunks).toString()) })
      })
    })
  })

let keys = new Map()
function apply() {
  const names = [...keys.keys()].sort()
  const content = names.map((key) => `${key} = ${keys.get(key)}\n`).join('')
  if (mode === 'durable') writeDurably(content)
  else writeFileSync(dest, content)
  if (command !== undefined) spawn('/bin/sh', ['-c', command], { stdio: 'ignore' })
}

function writeDurably(content) {
  const folder = dirname(dest)
  writeFileSync(`${dest}.new`, content, { flush: true })
  if (command !== undefined) appendFileSync(`${folder}/owed`, `${dest}\n`, { flush: true })
  renameSync(`${dest}.new`, dest)
  const opened = openSync(folder)
  fsyncSync(opened)
  closeSync(opened)
}

async function etcd() {
  const last = prefix.charCodeAt(prefix.length - 1)
  const end = prefix.slice(0, -1) + String.fromCharCode(last + 1)
  const range = { key: b64(prefix), range_end: b64(end) }
  const { json } = await ask('POST', '/v3/kv/range', JSON.stringify(range))
  for (const { key, value } of json.kvs ?? []) keys.set(text(key), text(value))
  apply()
  if (once) process.exit(0)
  const create = { ...range, start_revision: Number(json.header.revision) + 1 }
  open('POST', '/v3/watch', JSON.stringify({ create_request: create }), (answer) => {
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
}

async function consul() {
  for (let index = 0; ;) {
    const path = `/v1/kv${prefix}?recurse&wait=60s&index=${index}`
    const { headers, json } = await ask('GET', path)
    index = Number(headers['x-consul-index'])
    keys = new Map(json.map(({ Key, Value }) => [`/${Key}`, text(Value)]))
    apply()
    if (once) process.exit(0)
  }
}

await (backend === 'consul' ? consul() : etcd())
