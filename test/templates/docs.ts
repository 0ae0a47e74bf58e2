// Generates docs/templates.md: the behaviour of the engine, and a table of the functions, made from their own examples.
import { dataset, files, subjects } from '../../src/templates/functions/index.ts'
import type { Example, TemplateFunction } from '../../src/templates/functions/define.ts'
import { languageExamples } from './language-examples.ts'
import { quotings } from './quoting.ts'

const INTRO = `# Templates

<!-- Made from the functions' examples: \`npx vitest run test/templates -u\`. Edit src/templates or test/templates/docs.ts. -->

Write templates in [nunjucks](https://mozilla.github.io/nunjucks/templating.html), or in confd's language, Go's
[text/template](https://pkg.go.dev/text/template) ([migrating from confd](migrating-from-confd.md)). Both have the same
functions:

\`\`\`jinja
{% for s in range("/services/web") %}
server {{ base(s.key) }} {{ s.value }} check
{% endfor %}
\`\`\`

\`\`\`gotmpl
{{range gets "/services/web/*" -}}
server {{base .Key}} {{.Value}} check
{{end}}
\`\`\`

Show the result without writing it:

<!-- setup:
mkdir -p /etc/confd/conf.d /etc/confd/templates
printf '[template]\\nsrc = "web.conf.njk"\\ndest = "/home/me/lb/web.conf"\\nkeys = ["/services/web"]\\n' >/etc/confd/conf.d/web.toml
printf '%s\\n' '{% for s in range("/services/web") %}' 'server {{ base(s.key) }} {{ s.value }} check' '{% endfor %}' >/etc/confd/templates/web.conf.njk
echo '{services: {web: {n1: 10.0.0.1:80}}}' >keys.yaml
-->
<!-- expect: reconfd -onetime => says +server n1 10.0.0.1:80 check -->

\`\`\`sh
reconfd -onetime -noop -diff -file keys.yaml
\`\`\`

The first of these rules that applies decides the language of a template:

1. \`engine = "go"\` or \`engine = "nunjucks"\` in the resource.
2. The extension: \`.tmpl\`, \`.gotmpl\`, \`.ctmpl\` and \`.tpl\` are Go; \`.njk\`, \`.nunjucks\`, \`.j2\`, \`.jinja\` and
   \`.jinja2\` are nunjucks.
3. For any other name, such as \`haproxy.cfg\`, the content. A file that is clearly written in Go's language
   (\`{{range .x}}\`, \`{{end}}\`, \`{{getv "/a"}}\`, \`{{.Value}}\`) is rendered as Go, with one notice in the log. So is any
   file whose resource sets \`left_delim\` or \`right_delim\`. Every other file is nunjucks. A file with tags of both
   languages is refused, and needs \`engine\`.

Rules for both languages:

- Values are not escaped. [Which function for which file](#which-function-for-which-file) lists the right function.
- Values that are not UTF-8 keep every byte.
- Only files below the templates folder can be included. A change of an included file renders the template again.
- Names of keys are relative to the resource's prefix, and templates see only the resource's \`keys\`.
- A template is rendered again when a key or file that it looked up changes, but not because time passes. A resync with
  the same keys gives the same file, even if the template prints \`datetime\`: the time changes only when something else
  in the output changes, or when reconfd restarts.
- A mistake in a template is an error with file, line and column, and the old file stays.
- A file that is clearly written in the other language (\`{% if x %}\` in a Go template; \`{{range .x}}\`, \`{{end}}\` or
  \`{{getv "/a"}}\` in a nunjucks template) is refused with a hint. To output such text, write it as a string:
  \`{{"{%"}} if x %}\` in Go, \`{% raw %}{{ end }}{% endraw %}\` in nunjucks.

## nunjucks

- \`trim_blocks\` and \`lstrip_blocks\` are on by default: a line with only a tag leaves no empty line.
- \`include\`, \`import\` and \`extends\` take names below the templates folder, or \`./name\` and \`../name\` relative to the
  file itself.
- A pair has \`.key\` and \`.value\`, and also \`.Key\` and \`.Value\`.
- Functions marked with | are also filters: \`{{ s.key | base }}\`. The value before the bar becomes the function's main
  argument, whatever the position of that argument: \`text | repeat(3)\` is \`repeat(3, text)\`.
- Some functions have the same name as a filter of nunjucks: \`default\`, \`first\`, \`indent\`, \`join\`, \`last\`, \`list\`,
  \`replace\`, \`reverse\`, \`slice\`, \`title\` and \`trim\`. After a bar, the name means nunjucks' filter, as in
  \`x | indent(4)\`. In a call, it means the function described below, as in \`indent(4, x)\`. So existing templates of both
  languages keep their meaning.
- Integers of any size in JSON keep their digits. Arithmetic with an integer above 2^53 is an error, but functions such
  as \`add\` and \`sub\` calculate with 64 bits.

### Strictness

| Expression | Undefined variable | Missing attribute |
| --- | --- | --- |
| \`{{ x }}\`, \`{% for i in x %}\`, \`f(x)\`, \`x + 1\`, \`x == 1\`, \`x \\| filter\` | error | error |
| \`{% if x %}\`, \`not x\`, \`x and y\`, \`x or "default"\`, \`a if x else b\`, \`x == none\` | error, unless the template sets the variable somewhere, or the variable is a macro's argument | false |
| \`x is defined\`, \`x \\| default("...")\`, \`default("...", x)\`, \`coalesce(x, y)\`, \`empty(x)\` | allowed | allowed |

Printing \`null\` is an error; use \`x | default("...", true)\` to print a default instead. Printing an object, a pair or a
function is also an error; print an attribute, or use \`| dump\`. A missing key without a default is an error; a directory
without keys is an empty list.

## Go templates

- All of \`text/template\` is supported. Values have Go's types (byte strings, 64-bit integers, float64 from JSON), and
  are printed as in Go.
- \`left_delim\` and \`right_delim\` in the resource replace \`{{\` and \`}}\`.
- confd's old template dialect with maps works: an otherwise unknown field of the root, such as \`.services_web\`, is the
  value of the key \`/services/web\`, or the list of pairs below this key, and \`Base\` is the same as \`base\`.
- A template may have 1,000 levels of nesting (also in JSON), ten nested includes and 256 network look-ups. The number of
  steps is also limited, far above what any real template needs, so an endless template is an error.

## One template, many files

With \`for_each\` in the resource ([configuration](configuration.md#one-template-many-files)), a template is rendered
once for each key or directory that the pattern matches. In the template, in its included files and in \`dest\`, \`item\`
is this key or directory. \`dest\` is a template in the same language, always with \`{{\` and \`}}\`.

\`\`\`toml
[template]
src = "vhost.conf.njk"
for_each = "/vhosts/*"
dest = "/etc/nginx/sites/{{ base(item.key) }}.conf"
keys = ["/vhosts"]
group_check_cmd = "nginx -t -q"
reload_cmd = "nginx -s reload"
\`\`\`

\`\`\`jinja
upstream {{ item.name }} {
{% for backend in item.gets("backends/*") %}
    server {{ backend.value }};
{% endfor %}
}
server {
    listen {{ item.get("port", "80") }};
    server_name {{ item.name }};
    location / { proxy_pass http://{{ item.name }}; }
}
\`\`\`

This is the same template in Go, with \`dest = "/etc/nginx/sites/{{base item.Key}}.conf"\`:

\`\`\`gotmpl
upstream {{item.Name}} {
{{- range item.Gets "backends/*"}}
    server {{.Value}};
{{- end}}
}
server {
    listen {{item.Get "port" "80"}};
    server_name {{item.Name}};
    location / { proxy_pass http://{{item.Name}}; }
}
\`\`\`

These keys give two files, \`shop.example.com.conf\` and \`wiki.example.com.conf\`:

\`\`\`yaml
vhosts:
  shop.example.com:
    port: 8080
    backends: { s1: 10.0.3.1:8000, s2: 10.0.3.2:8000 }
  wiki.example.com:
    backends: { w1: 10.0.4.1:8000 }
\`\`\`

When a backend is added or removed, the file of its host is written; when a host is removed, its file is removed. In each
case, nginx is checked and reloaded once. [examples/nginx-vhosts](../examples/nginx-vhosts) contains the complete example.

| nunjucks | Go | Meaning |
| --- | --- | --- |
| \`item.key\` | \`item.Key\` | the matching key or directory, without the prefix |
| \`item.name\` | \`item.Name\` | the last part of the item's key |
| \`item.value\` | \`item.Value\` | the value of the item; \`""\` for a directory without a value |
| \`item.get("port", "80")\` | \`item.Get "port" "80"\` | the value of a key below the item; a missing key without a default is an error |
| \`item.exists("tls")\` | \`item.Exists "tls"\` | true if a key below the item has a value |
| \`item.gets("backends/*")\` | \`item.Gets "backends/*"\` | the pairs below the item whose key matches the pattern |
| \`item.pairs\` | \`item.Pairs\` | all pairs below the item, at every depth |
| \`item.ls("backends")\` | \`item.Ls "backends"\` | the names directly below a directory in the item, or, without an argument, below the item itself |

- The keys of pairs are full keys, as in all other look-ups. All other functions are available too.
- When a key changes, only the items that looked up this key are rendered again. If all items look up a key, such as
  \`getv("/defaults/timeout")\`, all of them are rendered again.
- If one item fails, or two items have the same \`dest\`, all files stay unchanged, and the message contains the item.
- A \`dest\` that leads out of the fixed folder is refused, and control characters in the path become \`_\`. A \`/\` in a key
  starts a subfolder (\`mkdirs = true\` creates it); \`base(item.key)\` contains no \`/\`.
- Without \`for_each\`, a template that uses \`item\` fails, and the message explains why, unless the template defines a
  variable with this name.

## Which function for which file

A value from a store may contain anything, such as a quote, a newline or \`$(reboot)\`. The format of the file decides
which function you need. In the table, \`v\` is the value.

QUOTING
## Functions

reconfd has all functions of confd, with the same results, and many functions of sprig and consul-template. The examples
use these keys:

`

/** Returns code for a table cell, in double backquotes if it contains a backquote. */
function cell(text: string): string {
  const escaped = text.replaceAll('|', '\\|')
  return escaped.includes('`') ? `\`\` ${escaped} \`\`` : `\`${escaped}\``
}

function result({ error, goError, shows, result: value }: Example): string {
  if (error !== undefined)
    return `error: ${error}${goError === undefined ? '' : ` (Go: ${goError})`}`
  return shows === undefined ? cell(JSON.stringify(value)) : `for example ${cell(shows)}`
}

const written = (text: string | undefined): string => (text === undefined ? '' : cell(text))

export function exampleTable(examples: readonly Example[]): string {
  const rows = examples.map(
    (example) => `| ${written(example.nunjucks)} | ${written(example.go)} | ${result(example)} |`,
  )
  return `| nunjucks | Go | Result |\n| --- | --- | --- |\n${rows.join('\n')}\n`
}

function section(fn: TemplateFunction): string {
  const bar = fn.filter === undefined ? '' : ' |'
  return `#### \`${fn.signature}\`${bar}\n\n${fn.doc}\n\n${exampleTable(fn.examples)}`
}

const LANGUAGE = `These functions are part of Go's template language. The table shows the equivalent in nunjucks, where one exists.`

function quotingTable(): string {
  const rows = Object.values(quotings).map(
    ({ file, nunjucks, go, note }) =>
      `| ${file} | ${cell(nunjucks)} | ${cell(go)} | ${note.replaceAll('|', '\\|')} |`,
  )
  return `| File | nunjucks | Go | Notes |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`
}

export function templatesPage(): string {
  const keys = Object.entries(dataset).map(([key, value]) => `${key} = ${value}`)
  const included = Object.entries(files).map(([name, text]) => `${name}: ${text}`)
  const parts = Object.entries(subjects).map(
    ([subject, fns]) => `### ${subject}\n\n${fns.map(section).join('\n')}`,
  )
  const data = `\`\`\`text\n${[...keys, ...included].join('\n')}\n\`\`\``
  const language = `### Go's own functions\n\n${LANGUAGE}\n\n${exampleTable(languageExamples)}`
  return `${INTRO.replace('QUOTING', quotingTable)}${data}\n\n${parts.join('\n')}\n${language}`
}
