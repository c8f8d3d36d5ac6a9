/**
 * The status a kubelet would report of an in-process pod. pure
 */
import {
  asObject,
  asObjects,
  asString,
  at,
  type JsonObject,
  type KubeObject,
  withCondition,
} from '../values/json.ts';

/** What the status is made from. */
export interface PodFacts {
  readonly ready: boolean;
  /** RFC 3339. */
  readonly now: string;
  /** When it started, RFC 3339. */
  readonly startedAt: string;
}

/** TCP ports of a pod's containers. */
export function tcpPorts(pod: KubeObject): number[] {
  const ports = asObjects(at(pod, 'spec', 'containers')).flatMap((container) =>
    asObjects(container.ports)
      .filter((port) => port.protocol !== 'UDP' && port.protocol !== 'SCTP')
      .map((port) => Number(port.containerPort)),
  );
  return [...new Set(ports)];
}

/** The value of variable `name` in the first container that sets it. */
export function variableOf(pod: KubeObject, name: string): string | undefined {
  for (const container of asObjects(at(pod, 'spec', 'containers'))) {
    const found = asObjects(container.env).find((item) => item.name === name);
    if (typeof found?.value === 'string') return found.value;
  }
  return undefined;
}

/** Seconds until the first readiness probe may succeed; the largest of the containers. */
export function initialDelaySeconds(pod: KubeObject): number {
  const delays = asObjects(at(pod, 'spec', 'containers')).map((container) =>
    Number(at(container, 'readinessProbe', 'initialDelaySeconds') ?? 0),
  );
  return Math.max(0, ...delays);
}

/** The status of a running pod. */
export function runningStatus(pod: KubeObject, facts: PodFacts): JsonObject {
  const { ready, now, startedAt } = facts;
  let conditions = asObjects(at(pod, 'status', 'conditions'));
  const put = (type: string, holds: boolean) => {
    const why = holds
      ? {}
      : {
          reason: 'ContainersNotReady',
          message: `containers with unready status: [${namesOf(pod)}]`,
        };
    const status = holds ? 'True' : 'False';
    conditions = withCondition(conditions, { type, status, lastProbeTime: null, ...why }, now);
  };
  put('PodReadyToStartContainers', true);
  put('Initialized', true);
  put('Ready', ready);
  put('ContainersReady', ready);
  return {
    ...asObject(pod.status),
    phase: 'Running',
    startTime: startedAt,
    conditions,
    containerStatuses: asObjects(at(pod, 'spec', 'containers')).map((container) => ({
      name: container.name,
      image: container.image,
      imageID: '',
      containerID: `isthmus://${pod.metadata.uid}/${asString(container.name)}`,
      ready,
      started: true,
      restartCount: 0,
      state: { running: { startedAt } },
      lastState: {},
    })),
  };
}

/** The status of a pod whose ports cannot be bound. */
export function waitingStatus(pod: KubeObject, message: string): JsonObject {
  return {
    ...asObject(pod.status),
    phase: 'Pending',
    containerStatuses: asObjects(at(pod, 'spec', 'containers')).map((container) => ({
      name: container.name,
      image: container.image,
      imageID: '',
      ready: false,
      started: false,
      restartCount: 0,
      state: { waiting: { reason: 'CreateContainerError', message } },
      lastState: {},
    })),
  };
}

function namesOf(pod: KubeObject): string {
  return asObjects(at(pod, 'spec', 'containers'))
    .map((container) => asString(container.name))
    .join(' ');
}
