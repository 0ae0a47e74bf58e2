// What a command has printed, as a few lines for people.

const LAST_LINES = 10
const LINE_LENGTH = 400

/** The last lines that are not blank, without colours and other control characters. */
export function lastLines(output: string): readonly string[] {
  return output
    .replace(/\u001b\[[0-9;?]*[ -/]*[@-~]/g, '')
    .split(/\r\n|\r|\n/)
    .map((line) => line.replace(/\p{Cc}/gu, (c) => (c === '\t' ? c : '')).trimEnd())
    .filter((line) => line !== '')
    .slice(-LAST_LINES)
    .map((line) => (line.length > LINE_LENGTH ? `${line.slice(0, LINE_LENGTH)}...` : line))
}
