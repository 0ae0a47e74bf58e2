// Go's path.Clean, path.Base and path.Dir (https://pkg.go.dev/path).

export function clean(path: string): string {
  if (path === '') return '.'
  const rooted = path.startsWith('/')
  const kept: string[] = []
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue
    if (part !== '..') kept.push(part)
    else if (kept.length > 0 && kept.at(-1) !== '..') kept.pop()
    else if (!rooted) kept.push(part)
  }
  return (rooted ? '/' : '') + kept.join('/') || '.'
}

export function base(path: string): string {
  if (path === '') return '.'
  let end = path.length
  while (end > 0 && path[end - 1] === '/') end--
  return end === 0 ? '/' : path.slice(path.lastIndexOf('/', end - 1) + 1, end)
}

export const dir = (path: string): string => clean(path.slice(0, path.lastIndexOf('/') + 1))
