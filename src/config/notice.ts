// A notice about the settings that is not a fault. `reconfd check` shows only warnings.
export interface SettingsNotice {
  readonly level: 'info' | 'warn'
  readonly message: string
}

export const warning = (message: string): SettingsNotice => ({ level: 'warn', message })
