// Which resource writes which file. conf.d is checked for that when it is loaded; the files of a
// for_each template are known only when its keys are.
export class Claims {
  readonly #ownerOf = new Map<string, string>()
  readonly #claimed = new Map<string, ReadonlySet<string>>()

  /**
   * Replaces what a resource has claimed before, unless one of the files is another resource's.
   * @returns that file and its owner, else undefined
   */
  claim(
    resource: string,
    dests: ReadonlySet<string>,
  ): { readonly dest: string; readonly owner: string } | undefined {
    for (const dest of dests) {
      const owner = this.#ownerOf.get(dest)
      if (owner !== undefined && owner !== resource) return { dest, owner }
    }
    for (const dest of this.#claimed.get(resource) ?? []) this.#ownerOf.delete(dest)
    for (const dest of dests) this.#ownerOf.set(dest, resource)
    this.#claimed.set(resource, dests)
    return undefined
  }
}
