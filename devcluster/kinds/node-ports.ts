/**
 * Node ports of Services: `--service-node-port-range`, 30000 to 32767. Nothing listens on them here;
 * they are allocated because whoever reads a Service of type LoadBalancer or NodePort finds them.
 */
import { asNumber, asObject, asObjects, type JsonObject, type KubeObject } from '../api/json.ts';

const FIRST = 30_000;
const LAST = 32_767;

/** The ports that are taken. */
export class NodePorts {
  readonly #taken = new Set<number>();
  #next = FIRST;

  /** `service` with a node port for each port that has none, where its type has node ports. */
  allocate(service: KubeObject, previous?: KubeObject): KubeObject {
    const spec = asObject(service.spec);
    const wants =
      spec.type === 'NodePort' ||
      (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false);
    const before = asObjects(asObject(previous?.spec).ports);
    const ports = asObjects(spec.ports).map((port) => {
      if (!wants) return port;
      const kept = before.find((each) => isSame(each, port))?.nodePort;
      const nodePort = asNumber(port.nodePort) || asNumber(kept) || this.#take();
      this.#taken.add(nodePort);
      return { ...port, nodePort };
    });
    for (const { nodePort } of before) {
      if (!ports.some((port) => port.nodePort === nodePort)) this.#taken.delete(asNumber(nodePort));
    }
    return spec.ports === undefined ? service : { ...service, spec: { ...spec, ports } };
  }

  /** Gives back what a Service that is gone had. */
  release(service: KubeObject): void {
    for (const { nodePort } of asObjects(asObject(service.spec).ports)) {
      this.#taken.delete(asNumber(nodePort));
    }
  }

  #take(): number {
    while (this.#taken.has(this.#next)) this.#next = this.#next >= LAST ? FIRST : this.#next + 1;
    return this.#next;
  }
}

function isSame(a: JsonObject, b: JsonObject): boolean {
  return a.port === b.port && a.protocol === b.protocol;
}
