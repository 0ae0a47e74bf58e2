// The list of registries. Each is loaded only when used.
import type { RegisterSettings } from '../../core/register.ts'
import type { RegistryMemory, Registry } from './registry.ts'

/** @param registrar id of this registrar, unique on its host */
export async function openRegistry(
  settings: RegisterSettings,
  registrar: string,
  memory: RegistryMemory,
): Promise<Registry> {
  switch (settings.to.kind) {
    case 'etcd':
      return (await import('./etcd.ts')).etcd(settings, memory)
    case 'consul':
      return (await import('./consul.ts')).consul(settings, registrar)
    case 'etcdv2':
    case 'skydns2':
      return (await import('./etcdv2.ts')).etcdv2(settings, memory)
    case 'consulkv':
      return (await import('./consulkv.ts')).consulkv(settings, memory)
    case 'zookeeper':
      return (await import('./zookeeper.ts')).zookeeper(settings, memory)
  }
}
