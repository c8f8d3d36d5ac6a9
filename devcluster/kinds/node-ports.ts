/**
 * Node ports of Services: `--service-node-port-range`, 30000 to 32767. Nothing listens on them here;
 * they are allocated because whoever reads a Service of type LoadBalancer or NodePort finds them.
 */
import { asNumber, asObject, asObjects, type JsonObject, type KubeObject } from '../values/json.ts';
import { type Cause, fieldError, invalid } from '../values/status.ts';
import { hasNodePorts, needsHealthPort } from './service-fields.ts';

const FIRST = 30_000;
const LAST = 32_767;

/** The ports that are taken. */
export class NodePorts {
  readonly #taken = new Set<number>();
  #next = FIRST;

  /**
   * `service` with a node port for each port that has none, where its type has node ports: the one the port of its name had in
   * `previous`, or a free one. Throws a 422 ApiError for a port that is somebody else's or none, and takes nothing then.
   */
  allocate(service: KubeObject, previous?: KubeObject): KubeObject {
    const spec = asObject(service.spec);
    if (!hasNodePorts(spec) || spec.ports === undefined) return service;
    const asked = portsOf(service);
    const before = portsOf(previous);
    const causes = asObjects(spec.ports).flatMap((port, index) =>
      this.#problem(port, index, before),
    );
    const health = asNumber(spec.healthCheckNodePort);
    if (health !== 0 && !before.has(health) && this.#taken.has(health)) {
      const why = 'provided port is already allocated';
      causes.push(fieldError.invalid('spec.healthCheckNodePort', health, why));
    }
    if (causes.length > 0) throw invalid('', 'Service', service.metadata.name, causes);
    for (const port of asked) this.#taken.add(port);
    const wants = spec.type === 'NodePort' || spec.allocateLoadBalancerNodePorts !== false;
    const known = asObjects(asObject(previous?.spec).ports);
    const ports = asObjects(spec.ports).map((port) => {
      if (asNumber(port.nodePort) !== 0) return port;
      const kept = asNumber(known.find(({ name }) => name === port.name)?.nodePort);
      if (kept !== 0 && !asked.has(kept)) return { ...port, nodePort: kept };
      return wants ? { ...port, nodePort: this.#take() } : port;
    });
    if (!needsHealthPort(spec)) return { ...service, spec: { ...spec, ports } };
    const own = asNumber(spec.healthCheckNodePort);
    const kept = asNumber(asObject(previous?.spec).healthCheckNodePort);
    const healthCheckNodePort = own || kept || this.#take();
    return { ...service, spec: { ...spec, ports, healthCheckNodePort } };
  }

  /** Gives back what `gone` had and `kept` has not. */
  release(gone: KubeObject, kept?: KubeObject): void {
    const still = portsOf(kept);
    for (const port of portsOf(gone)) if (!still.has(port)) this.#taken.delete(port);
  }

  /** pkg/registry/core/service/portallocator/allocator.go. */
  #problem(port: JsonObject, index: number, own: ReadonlySet<number>): Cause[] {
    const number = asNumber(port.nodePort);
    if (number === 0 || own.has(number)) return [];
    const refuse = (why: string) => [
      fieldError.invalid(`spec.ports[${index}].nodePort`, number, why),
    ];
    if (number < FIRST || number > LAST) {
      const range = `The range of valid ports is ${FIRST}-${LAST}`;
      return refuse(`provided port is not in the valid range. ${range}`);
    }
    return this.#taken.has(number) ? refuse('provided port is already allocated') : [];
  }

  #take(): number {
    while (this.#taken.has(this.#next)) this.#next = this.#next >= LAST ? FIRST : this.#next + 1;
    this.#taken.add(this.#next);
    return this.#next;
  }
}

/** The node ports that `service` has; one that its type has no use for is not its own, whatever it says. */
function portsOf(service: KubeObject | undefined): ReadonlySet<number> {
  const spec = asObject(service?.spec);
  if (!hasNodePorts(spec)) return new Set();
  const ports = asObjects(spec.ports).map(({ nodePort }) => asNumber(nodePort));
  if (needsHealthPort(spec)) ports.push(asNumber(spec.healthCheckNodePort));
  return new Set(ports.filter((port) => port !== 0));
}
