// A notice about the settings, which is not a fault. `reconfd check` shows only notices of level `warn`.
export interface SettingsNotice {
  readonly level: 'info' | 'warn'
  readonly message: string
}

export const warning = (message: string): SettingsNotice => ({ level: 'warn', message })
