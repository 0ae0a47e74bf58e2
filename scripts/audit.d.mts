export interface Advisory {
  readonly name: string
  readonly severity: string
  readonly title: string
  readonly url: string
  readonly range: string
}
/** The parts of the output of `npm audit --json` that the script uses. */
export interface AuditReport {
  readonly vulnerabilities: Readonly<
    Record<
      string,
      { readonly nodes: readonly string[]; readonly via: readonly (string | Advisory)[] }
    >
  >
}
/** The advisories on the packages at these paths. */
export function advisoriesOn(report: AuditReport, paths: readonly string[]): Advisory[]
