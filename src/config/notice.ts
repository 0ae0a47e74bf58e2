// Something about the settings that is worth knowing and no fault. `reconfd check` shows warnings only.
export interface Notice {
  readonly level: 'info' | 'warn'
  readonly message: string
}

export const warning = (message: string): Notice => ({ level: 'warn', message })
