// Makes docs/templates.md: what the engine does, and a table of the functions from their own examples.
import { dataset, files, subjects } from '../../src/templates/functions/index.ts'
import type { Example, TemplateFunction } from '../../src/templates/functions/define.ts'
import { languageExamples } from './language-examples.ts'
import { quotings } from './quoting.ts'

const INTRO = `# Templates

<!-- Made from the functions' examples: \`npx vitest run test/templates -u\`. Edit src/templates or test/templates/docs.ts. -->

Two languages, one set of functions. New templates are best written in
[nunjucks](https://mozilla.github.io/nunjucks/templating.html); Go's
[text/template](https://pkg.go.dev/text/template), which confd has, runs as it is
([migrating from confd](migrating-from-confd.md)). Which one a file is in is decided by, in this order:

1. \`engine = "go"\` or \`engine = "nunjucks"\` in the resource.
2. The end of its name: \`.tmpl\`, \`.gotmpl\`, \`.ctmpl\` and \`.tpl\` are Go; \`.njk\`, \`.nunjucks\`, \`.j2\`, \`.jinja\` and
   \`.jinja2\` are nunjucks.
3. Its content, for any other name, such as \`haproxy.cfg\`: what is plainly Go (\`{{range .x}}\`, \`{{end}}\`,
   \`{{getv "/a"}}\`, \`{{.Value}}\`) is rendered as Go, with one notice in the log; so is a resource with
   \`left_delim\` or \`right_delim\`. Everything else is nunjucks. A file that has tags of both is refused, and asks for
   \`engine\`.

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

In both:

- Nothing is escaped: [which function for which file](#which-function-for-which-file).
- Values that are not UTF-8 come through byte for byte.
- Only files below the templates folder can be included. When an included file changes, so does the result.
- Keys are seen from the resource's prefix, and only those that the resource's \`keys\` name.
- Dates, host name and environment are those of the render; a template is rendered again when a key or a file
  that it asked for changes, not when time goes by. A resync that finds the same keys gives the same file, \`datetime\`
  in it included: the time moves on when something else in the output changes, and with a new run of reconfd.
- A mistake is an error with file, line and column, and the old file stays.
- A file that is plainly in the other language than its name says (\`{% if x %}\` in a Go template, \`{{range .x}}\`, \`{{end}}\` or
  \`{{getv "/a"}}\` in a nunjucks one) is refused with a hint. To put such text out, make it a string:
  \`{{"{%"}} if x %}\` in Go, \`{% raw %}{{ end }}{% endraw %}\` in nunjucks.

## nunjucks

- \`trim_blocks\` and \`lstrip_blocks\` are on unless the resource says otherwise: a line with only a tag leaves no
  line behind.
- \`include\`, \`import\` and \`extends\` take names below the templates folder, or \`./name\` and \`../name\` beside the
  file itself.
- A pair answers to \`.key\` and \`.value\`, and to \`.Key\` and \`.Value\`.
- Functions marked with | are filters too: \`{{ s.key | base }}\`. The value before the bar is what the function works
  on, wherever that stands among its arguments: \`text | repeat(3)\` is \`repeat(3, text)\`.
- Where nunjucks has a filter of a function's name (\`default\`, \`first\`, \`indent\`, \`join\`, \`last\`, \`list\`,
  \`replace\`, \`reverse\`, \`slice\`, \`title\`, \`trim\`), the filter is nunjucks' and the function is the one below:
  \`x | indent(4)\`, but \`indent(4, x)\`. So no template of either language changes its meaning.
- Integers of any size in JSON keep their digits. Arithmetic with one above 2^53 is an error; \`add\` and its like
  calculate in 64 bits.

### Strictness

| written | undefined variable | missing attribute |
| --- | --- | --- |
| \`{{ x }}\`, \`{% for i in x %}\`, \`f(x)\`, \`x + 1\`, \`x == 1\`, \`x \\| filter\` | error | error |
| \`{% if x %}\`, \`not x\`, \`x and y\`, \`x or "default"\`, \`a if x else b\`, \`x == none\` | error, unless the template sets it somewhere or it is a macro's argument | false |
| \`x is defined\`, \`x \\| default("...")\`, \`default("...", x)\`, \`coalesce(x, y)\`, \`empty(x)\` | fine | fine |

\`null\` cannot be put out: \`x | default("...", true)\` gives something in its place. Neither can objects,
pairs and functions: name an attribute, or use \`| dump\`. A missing key without a default is an error; a directory
without keys is an empty list.

## Go templates

- The whole of \`text/template\`, printing included: values are those of Go (byte strings, 64-bit integers, float64
  from JSON), and come out as Go prints them.
- \`left_delim\` and \`right_delim\` in the resource take the place of \`{{\` and \`}}\`.
- The dialect of old books: a field of the root that is not there otherwise, such as \`.services_web\`, is the value of
  the key \`/services/web\` or the list of pairs below it, and \`Base\` is \`base\`.
- Further limits: 1,000 levels of nesting (of JSON, too), ten includes in one another, 256 network look-ups, and a budget of steps
  that no template of real life comes near; what never ends is an error.

## One template, many files

With \`for_each\` in the resource ([configuration](configuration.md#one-template-many-files)) a template is rendered
once for each key, or directory, that the pattern matches. Which one it is, the template sees in \`item\`; so do the
files that it includes, and \`dest\`, which is a template too: in the language of the template, always between
\`{{\` and \`}}\`.

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

The same in Go, with \`dest = "/etc/nginx/sites/{{base item.Key}}.conf"\`:

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

With these keys there are two files, \`shop.example.com.conf\` and \`wiki.example.com.conf\`:

\`\`\`yaml
vhosts:
  shop.example.com:
    port: 8080
    backends: { s1: 10.0.3.1:8000, s2: 10.0.3.2:8000 }
  wiki.example.com:
    backends: { w1: 10.0.4.1:8000 }
\`\`\`

When a backend comes or goes, one of the files is written; when a host goes, its file is removed. Either way nginx is
checked and reloaded once. [examples/nginx-vhosts](../examples/nginx-vhosts) has it whole.

| nunjucks | Go | |
| --- | --- | --- |
| \`item.key\` | \`item.Key\` | the key or directory that matches, without the prefix |
| \`item.name\` | \`item.Name\` | its last part |
| \`item.value\` | \`item.Value\` | its value; \`""\` for a directory without one |
| \`item.get("port", "80")\` | \`item.Get "port" "80"\` | the value of a key below it; a missing key without a default is an error |
| \`item.exists("tls")\` | \`item.Exists "tls"\` | whether a key below it has a value |
| \`item.gets("backends/*")\` | \`item.Gets "backends/*"\` | the pairs below it whose key matches a pattern |
| \`item.pairs\` | \`item.Pairs\` | all pairs below it, at every depth |
| \`item.ls("backends")\` | \`item.Ls "backends"\` | the names directly below a directory in it, or below itself |

- Keys in pairs are whole keys, as everywhere. All other functions are there too.
- A changed key costs only the items that asked for it. What all items ask for, such as
  \`getv("/defaults/timeout")\`, costs all of them.
- One item's mistake keeps the whole set as it is; the message names the item. So do two items with the same
  \`dest\`.
- A \`dest\` that leads out of its folder is refused; control characters in it become \`_\`. A \`/\` that comes from a
  key makes a folder inside (\`mkdirs = true\` makes it); \`base(item.key)\` has none.
- In a template without \`for_each\`, \`item\` is an error that says so; as the name of a variable or a loop it is free.

## Which function for which file

A value of a store may hold anything, a quote, a new line or \`$(reboot)\` too. The file decides how it has to be
written; \`v\` is the value.

QUOTING
## Functions

They are those of confd and give confd's results; some are sprig's or consul-template's. The examples look at these keys:

`

/** Code in a cell of a table; two backquotes around what has one in it. */
function cell(text: string): string {
  const escaped = text.replaceAll('|', '\\|')
  return escaped.includes('`') ? `\`\` ${escaped} \`\`` : `\`${escaped}\``
}

function result({ error, goError, shows, result: value }: Example): string {
  if (error !== undefined)
    return `error: ${error}${goError === undefined ? '' : ` (Go: ${goError})`}`
  return shows === undefined ? cell(JSON.stringify(value)) : `for instance ${cell(shows)}`
}

const written = (text: string | undefined): string => (text === undefined ? '' : cell(text))

export function exampleTable(examples: readonly Example[]): string {
  const rows = examples.map(
    (example) => `| ${written(example.nunjucks)} | ${written(example.go)} | ${result(example)} |`,
  )
  return `| nunjucks | Go | result |\n| --- | --- | --- |\n${rows.join('\n')}\n`
}

function section(fn: TemplateFunction): string {
  const bar = fn.filter === undefined ? '' : ' |'
  return `#### \`${fn.signature}\`${bar}\n\n${fn.doc}\n\n${exampleTable(fn.examples)}`
}

const LANGUAGE = `These belong to the Go language. nunjucks says the same in its own way, where it can.`

function quotingTable(): string {
  const rows = Object.values(quotings).map(
    ({ file, nunjucks, go, note }) =>
      `| ${file} | ${cell(nunjucks)} | ${cell(go)} | ${note.replaceAll('|', '\\|')} |`,
  )
  return `| file | nunjucks | Go | |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`
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
