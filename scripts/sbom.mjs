// Builds the bill of materials (SBOM) of the bundle, in CycloneDX's JSON format: the bundled packages with their
// versions and licences. The document contains neither a timestamp nor a random serial number, so that the same
// sources give the same bytes.

/** The property with the folder of a package. `npm run audit` compares folders, since packages may share a name. */
const PATH = 'cdx:npm:package:path'

/**
 * @param {{ name: string, version: string, license: string, description: string }} program package.json
 * @param {readonly import('./bundled.mjs').Package[]} packages
 * @returns {object} a CycloneDX document
 */
export function sbom(program, packages) {
  const main = { ...component(program), type: 'application', description: program.description }
  const empty = {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { component: main },
    components: [],
    dependencies: [{ ref: purl(program), dependsOn: [] }],
  }
  return withComponents(empty, packages)
}

/** @returns {object} a copy of the document that also lists the packages, as dependencies of the program */
export function withComponents(document, packages) {
  const refs = new Map(packages.map((one) => [one.path, purl(one)]))
  const [program, ...others] = document.dependencies
  return {
    ...document,
    components: [
      ...document.components,
      ...packages.map((one) => ({
        ...component(one),
        hashes: [hash(one.integrity)],
        properties: [{ name: PATH, value: one.path }],
      })),
    ],
    dependencies: [
      { ...program, dependsOn: [...program.dependsOn, ...refs.values()] },
      ...others,
      ...packages.map((one) => ({
        ref: purl(one),
        dependsOn: one.requires.map((path) => refs.get(path)),
      })),
    ],
  }
}

/** @returns {string[]} the folders of the packages, relative to their lock file */
export const pathsIn = ({ components }) =>
  components.flatMap(({ properties }) =>
    properties.filter(({ name }) => name === PATH).map(({ value }) => value),
  )

function component({ name, version, license }) {
  const [, group, rest = name] = /^(@[^/]+)\/(.*)$/.exec(name) ?? []
  // An SPDX identifier, or several joined by OR, AND and WITH.
  const licenses = license.includes(' ')
    ? [{ expression: license }]
    : [{ license: { id: license } }]
  const ref = purl({ name, version })
  return {
    type: 'library',
    'bom-ref': ref,
    ...(group && { group }),
    name: rest,
    version,
    licenses,
    purl: ref,
  }
}

const purl = ({ name, version }) => `pkg:npm/${name.replace('@', '%40')}@${version}`

function hash(integrity) {
  const [algorithm, base64] = integrity.split('-')
  return {
    alg: algorithm.replace('sha', 'SHA-'),
    content: Buffer.from(base64, 'base64').toString('hex'),
  }
}
