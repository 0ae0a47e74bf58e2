// Makes docs/templates.md: what the engine does, and a table of the functions from their own examples.
import { subjects, dataset } from '../../src/templates/functions/index.ts'
import type { Example, TemplateFunction } from '../../src/templates/functions/define.ts'

const INTRO = `# Templates

<!-- Made from the functions' examples: \`npx vitest run test/templates -u\`. Edit src/templates or test/templates/docs.ts. -->

Templates are [nunjucks](https://mozilla.github.io/nunjucks/templating.html), in files below the templates
folder. Files named \`.tmpl\`, \`.gotmpl\`, \`.ctmpl\` or \`.tpl\` are taken for Go templates, which are refused for
now; \`engine = "nunjucks"\` in the resource says that such a file is nunjucks all the same.

\`\`\`jinja
{% for s in range("/services/web") %}
server {{ base(s.key) }} {{ s.value }} check
{% endfor %}
\`\`\`

- Nothing is escaped. \`trim_blocks\` and \`lstrip_blocks\` are on unless the resource says otherwise: a line with
  only a tag leaves no line behind.
- \`include\`, \`import\` and \`extends\` take names below the templates folder, or \`./name\` and \`../name\` beside the
  file itself; nothing outside of the folder can be included. When an included file changes, so does the result.
- Keys are seen from the resource's prefix, and only those that the resource's \`keys\` name.
- A pair answers to \`.key\` and \`.value\`, and to \`.Key\` and \`.Value\`.
- Functions marked with | are filters too: \`{{ s.key | base }}\`.
- Dates, host name and environment are those of the render; a template is rendered again when a key or a file
  that it asked for changes, not when time goes by.

## Strictness

A mistake is an error with file, line and column, and the old file stays.

| written | undefined variable | missing attribute |
| --- | --- | --- |
| \`{{ x }}\`, \`{% for i in x %}\`, \`f(x)\`, \`x + 1\`, \`x == 1\`, \`x \\| filter\` | error | error |
| \`{% if x %}\`, \`not x\`, \`x and y\`, \`x or "default"\`, \`a if x else b\`, \`x == none\` | error, unless the template sets it somewhere or it is a macro's argument | false |
| \`x is defined\`, \`x \\| default("...")\` | fine | fine |

\`null\` cannot be put out: \`x | default("...", true)\` gives something in its place. Neither can objects,
pairs and functions: name an attribute, or use \`| dump\`. A missing key without a default is an error; a directory
without keys is an empty list.

## Functions

They are those of confd and give confd's results. The examples look at these keys:

`

function cell(text: string): string {
  return `\`${text.replaceAll('|', '\\|')}\``
}

function result(example: Example): string {
  if (example.error !== undefined) return `error: ${example.error}`
  if (example.shows !== undefined) return `for instance ${cell(example.shows)}`
  return cell(JSON.stringify(example.result))
}

function section(fn: TemplateFunction): string {
  const rows = fn.examples.map((example) => `| ${cell(example.expression)} | ${result(example)} |`)
  const bar = fn.filter ? ' |' : ''
  return `#### \`${fn.signature}\`${bar}\n\n${fn.doc}\n\n| example | result |\n| --- | --- |\n${rows.join('\n')}\n`
}

export function templatesPage(): string {
  const keys = Object.entries(dataset).map(([key, value]) => `${key} = ${value}`)
  const parts = Object.entries(subjects).map(
    ([subject, fns]) => `### ${subject}\n\n${fns.map(section).join('\n')}`,
  )
  return `${INTRO}\`\`\`text\n${keys.join('\n')}\n\`\`\`\n\n${parts.join('\n')}`
}
