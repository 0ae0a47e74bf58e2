// The environment of commands: ours, without the secrets that are meant for reconfd alone. What a command
// prints is in the log, and what it starts may live longer than we do.

/** Of our own variables, such as CONFD_PASSWORD and CONFD_HTTP_TOKEN; not files that hold a secret. */
const SECRET = /^CONFD_(?:.*_)?(?:PASSWORD|TOKEN|SECRET|SECRET_ID|KEYRING)$/

export function commandEnvironment(
  env: Readonly<NodeJS.ProcessEnv> = process.env,
): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !SECRET.test(name)))
}
