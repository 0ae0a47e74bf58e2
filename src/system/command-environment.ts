// The environment of commands: ours, without the secrets meant for reconfd alone, because the output of a command is
// logged, and processes that it starts may outlive reconfd.

/**
 * Variables of reconfd that contain a secret, such as CONFD_PASSWORD, but not those that contain the path of a file.
 */
const SECRET = /^CONFD_(?:.*_)?(?:PASSWORD|TOKEN|SECRET|SECRET_ID|KEYRING)$/

/** A copy of the environment without secrets. */
export function commandEnvironment(
  env: Readonly<NodeJS.ProcessEnv> = process.env,
): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !SECRET.test(name)))
}
