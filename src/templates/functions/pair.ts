// A key and its value, as templates see them; `.Key` and `.Value` are the names in confd.
export class Pair {
  constructor(
    readonly key: string,
    readonly value: string,
  ) {}

  get Key(): string {
    return this.key
  }

  get Value(): string {
    return this.value
  }
}
