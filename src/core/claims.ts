// Ensures that each file has one owner. The check of conf.d covers fixed destinations; the files of a for_each template
// are known only after the template has been rendered.
export class Claims {
  readonly #ownerOf = new Map<string, string>()
  readonly #claimed = new Map<string, ReadonlySet<string>>()

  /**
   * Replaces the claims of a resource, unless another resource owns one of the files.
   * @returns the conflicting file and its owner, or undefined
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
