export interface Located {
  readonly path: string
  readonly env: Readonly<Record<string, string>>
}
export const serverNames: readonly string[]
export function locate(name: string): Located | undefined
export function provide(names: readonly string[]): string[]
