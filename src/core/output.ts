// Shortens the output of a command for messages.

const LAST_LINES = 10
const LINE_LENGTH = 400

/** The last non-blank lines, without control characters. */
export function lastLines(output: string): readonly string[] {
  return output
    .replace(/\u001b\[[0-9;?]*[ -/]*[@-~]/g, '')
    .split(/\r\n|\r|\n/)
    .map((line) => line.replace(/\p{Cc}/gu, (c) => (c === '\t' ? c : '')).trimEnd())
    .filter((line) => line !== '')
    .slice(-LAST_LINES)
    .map((line) => (line.length > LINE_LENGTH ? `${line.slice(0, LINE_LENGTH)}...` : line))
}
