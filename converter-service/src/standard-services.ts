import type { Server } from '@grpc/grpc-js'
import { ReflectionService } from '@grpc/reflection'
import { protoDirectory } from '@herald/proto/load'
import { HealthImplementation, protoPath } from 'grpc-health-check'
import { reflectedPackage } from './reflected-package.js'

const converterService = 'herald.converter.v1.ConverterService'

/** Standard health and reflection, so that grpcurl and Kubernetes work unaided. */
export function addStandardServices(server: Server): { setServing(serving: boolean): void } {
  const health = new HealthImplementation()
  health.addToServer(server)
  new ReflectionService({
    ...reflectedPackage('herald/converter/v1/converter.proto', [protoDirectory]),
    ...reflectedPackage(protoPath),
  }).addToServer(server)
  return {
    setServing(serving) {
      const status = serving ? 'SERVING' : 'NOT_SERVING'
      // The empty name is the server as a whole.
      for (const name of ['', converterService]) health.setStatus(name, status)
    },
  }
}
