import { etcdv3 } from '../support/lying/etcdv3.ts'
import { lying } from './lying.ts'

lying(etcdv3)
