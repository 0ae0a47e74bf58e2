// Formats test results as JUnit XML, for GitHub, GitLab and Jenkins.
import type { CaseResult } from './run-case.ts'

/** Escapes text for an element or attribute; drops characters that XML forbids. */
const escaped = (text: string): string =>
  text
    .replace(/\u001b\[[0-9;]*m/g, '')
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')

const seconds = (ms: number): string => (ms / 1000).toFixed(3)

export function junitXml(results: readonly CaseResult[], duration: number): string {
  const failures = results.filter(({ state }) => state === 'failed').length
  const counts = `tests="${results.length}" failures="${failures}" errors="0" time="${seconds(duration)}"`
  const cases = results.map(({ name, state, problems, duration: took }) => {
    const head = `    <testcase classname="reconfd" name="${escaped(name)}" time="${seconds(took)}"`
    if (state !== 'failed') return `${head}/>`
    const [first = ''] = (problems[0] ?? '').split('\n')
    const text = escaped(problems.join('\n\n'))
    return `${head}>\n      <failure message="${escaped(first)}">${text}</failure>\n    </testcase>`
  })
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites ${counts}>`,
    `  <testsuite name="reconfd test" ${counts}>`,
    ...cases,
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n')
}
