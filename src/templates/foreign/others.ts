// Common functions from sprig, Jinja, remco (with pongo2) and forks of confd.
import type { Foreign } from './foreign.ts'

const KEYRING =
  'encrypted values (-keyring) are not supported; keep secrets in a store with access control'

/** Functions from widespread forks of confd (yunify's, Calico's), and those for confd's encrypted values. */
export const forks: readonly Foreign[] = [
  {
    name: 'filter',
    written: 'getvs "/h/*" | filter "web"',
    go: '{{range getvs "/h/*"}}{{if regexMatch "web" .}}...{{end}}{{end}}',
    nunjucks:
      '{% for v in getvs("/h/*") %}{% if v | regexMatch("web") %}...{% endif %}{% endfor %}',
  },
  { name: 'min', written: 'min 3 4', go: 'ternary 3 4 (lt 3 4)', nunjucks: '3 if 3 < 4 else 4' },
  { name: 'max', written: 'max 3 4', go: 'ternary 3 4 (gt 3 4)', nunjucks: '3 if 3 > 4 else 4' },
  {
    name: 'hasPrefix',
    written: 'hasPrefix $s "a"',
    go: 'ne (trimPrefix $s "a") $s, or regexMatch "^a" $s',
    nunjucks: 's | regexMatch("^a")',
  },
  {
    name: 'hasSuffix',
    written: 'hasSuffix $s "b"',
    go: 'ne (trimSuffix $s "b") $s, or regexMatch "b$" $s',
    nunjucks: 's | regexMatch("b$")',
  },
  {
    name: 'getBGPConfig',
    written: 'getBGPConfig',
    note: "Calico's confd computes the result from Calico's data; there is no such function here",
  },
  {
    name: 'hashToIPv4',
    written: 'hashToIPv4',
    note: "Calico's confd provides it; there is no such function here",
  },
  {
    name: 'emitBIRDExportFilter',
    written: 'emitBIRDExportFilter',
    note: "Calico's confd computes the result from Calico's data",
  },
  {
    name: 'cget',
    written: 'cget "/a"',
    note: KEYRING,
  },
  {
    name: 'cgetv',
    written: 'cgetv "/a"',
    note: KEYRING,
  },
  {
    name: 'cgets',
    written: 'cgets "/a/*"',
    note: KEYRING,
  },
  {
    name: 'cgetvs',
    written: 'cgetvs "/a/*"',
    note: KEYRING,
  },
]

/** Functions of sprig with an equivalent in reconfd. */
export const sprig: readonly Foreign[] = [
  { name: 'lower', written: 'lower', go: 'toLower' },
  { name: 'upper', written: 'upper', go: 'toUpper' },
  { name: 'b64enc', written: 'b64enc', go: 'base64Encode', nunjucks: 'base64Encode' },
  { name: 'b64dec', written: 'b64dec', go: 'base64Decode', nunjucks: 'base64Decode' },
  { name: 'splitList', written: 'splitList "," $s', go: 'split $s ","', nunjucks: 'split(s, ",")' },
  { name: 'now', written: 'now', go: 'datetime', nunjucks: 'datetime()' },
  { name: 'tuple', written: 'tuple', go: 'list', nunjucks: 'list' },
  { name: 'int', written: 'int $s', go: 'atoi $s' },
  { name: 'toString', written: 'toString $x', go: 'print $x' },
  { name: 'merge', written: 'merge $a $b', go: 'mergeMap $a $b', nunjucks: 'mergeMap(a, b)' },
  { name: 'regexFindAll', written: 'regexFindAll', go: 'regexFind', nunjucks: 'regexFind' },
  { name: 'substr', written: 'substr 0 3 $s', go: 'slice $s 0 3' },
  { name: 'dig', written: 'dig "a" "b" "x" $map', go: 'index $map "a" "b"', nunjucks: 'map.a.b' },
]

/** Functions of Jinja and Ansible that nunjucks lacks. */
export const jinja: readonly Foreign[] = [
  { name: 'tojson', written: 'tojson', nunjucks: 'toJson' },
  { name: 'to_json', written: 'to_json', nunjucks: 'toJson' },
  { name: 'to_nice_json', written: 'to_nice_json', nunjucks: 'toPrettyJson' },
  { name: 'from_json', written: 'from_json', nunjucks: 'fromJson' },
  { name: 'to_yaml', written: 'to_yaml', nunjucks: 'toYaml' },
  { name: 'b64encode', written: 'b64encode', nunjucks: 'base64Encode' },
  { name: 'b64decode', written: 'b64decode', nunjucks: 'base64Decode' },
  { name: 'basename', written: 'basename', nunjucks: 'base' },
  { name: 'dirname', written: 'dirname', nunjucks: 'dir' },
  { name: 'unique', written: 'unique', nunjucks: 'uniq' },
  {
    name: 'regex_replace',
    written: 'regex_replace("a", "b")',
    nunjucks: 'regexReplaceAll("a", "b")',
  },
  { name: 'regex_search', written: 'regex_search("a")', nunjucks: 'regexFind("a")' },
  { name: 'format', written: '"%s" | format(x)', nunjucks: 'printf("%s", x)' },
  { name: 'items', written: 'map.items()', nunjucks: 'for key, value in map' },
]

/** Functions of remco and its language pongo2 that have another name in nunjucks. */
export const remco: readonly Foreign[] = [
  { name: 'base64', written: 'base64', nunjucks: 'base64Encode' },
  { name: 'mapValue', written: 'm | mapValue:"k"', nunjucks: 'm["k"]' },
  { name: 'index', written: 'l | index:1', nunjucks: 'l[1]' },
  { name: 'createMap', written: 'createMap()', nunjucks: '{% set m = {} %}' },
  { name: 'createSet', written: 'createSet()', nunjucks: 'uniq(list)' },
  { name: 'unixTS', written: 'unixTS()', nunjucks: 'datetime().Unix()' },
  {
    name: 'dateRFC3339',
    written: 'dateRFC3339()',
    nunjucks: 'datetime().Format("2006-01-02T15:04:05Z07:00")',
  },
  { name: 'forloop', written: 'forloop.Counter', nunjucks: 'loop.index' },
  { name: 'divisibleby', written: 'n | divisibleby:2', nunjucks: 'n % 2 == 0' },
  { name: 'stringformat', written: 'x | stringformat:"%03d"', nunjucks: 'printf("%03d", x)' },
]
