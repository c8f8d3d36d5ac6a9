/**
 * What the kubelet says about a pod: the status of one process, in Kubernetes' words. pure
 */
import type { Container, NodePod } from './pod.ts';

/** How far a process has come. Times are milliseconds since the epoch. */
export type ProcessState =
  | { readonly is: 'waiting'; readonly reason: string; readonly message: string }
  | {
      readonly is: 'running';
      readonly pid: number;
      readonly startedMs: number;
      readonly ready: boolean;
    }
  | {
      readonly is: 'ended';
      readonly pid: number;
      readonly startedMs: number;
      readonly endedMs: number;
      readonly exitCode: number | null;
      readonly signal: string | null;
    };

/** Exit code of a process that a signal ended, as shells and containers report it. */
const SIGNAL_EXIT_BASE = 128;
const SIGNAL_NUMBERS: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGTERM: 15,
};

/**
 * The status of `pod`, for server-side apply. `transitions` remembers when each condition last
 * changed and is updated. A process that ended is not started again: the pod stays `Running` with a
 * terminated container and is not ready, until somebody deletes it.
 */
export function statusOf(
  container: Container,
  state: ProcessState,
  transitions: Map<string, { readonly status: string; readonly at: string }>,
  nowMs: number,
): Record<string, unknown> {
  const ready = state.is === 'running' && state.ready;
  const now = iso(nowMs);
  const condition = (type: string, holds: boolean, reason?: string) => {
    const status = holds ? 'True' : 'False';
    const known = transitions.get(type);
    const since = known?.status === status ? known : { status, at: now };
    transitions.set(type, since);
    const why =
      holds || reason === undefined ? {} : { reason, message: `${container.name}: ${reason}` };
    return { type, status, lastTransitionTime: since.at, ...why };
  };
  return {
    phase: state.is === 'waiting' ? 'Pending' : 'Running',
    ...(state.is === 'waiting' ? {} : { startTime: iso(state.startedMs) }),
    conditions: [
      condition('PodScheduled', true),
      condition('Initialized', true),
      condition('ContainersReady', ready, 'ContainersNotReady'),
      condition('Ready', ready, 'ContainersNotReady'),
    ],
    containerStatuses: [
      {
        name: container.name,
        image: container.image,
        imageID: '',
        ready,
        started: state.is === 'running',
        restartCount: 0,
        state: containerState(state),
        ...(state.is === 'waiting' ? {} : { containerID: `process://${state.pid}` }),
      },
    ],
  };
}

function containerState(state: ProcessState): Record<string, unknown> {
  switch (state.is) {
    case 'waiting':
      return { waiting: { reason: state.reason, message: state.message } };
    case 'running':
      return { running: { startedAt: iso(state.startedMs) } };
    case 'ended': {
      const number = SIGNAL_NUMBERS[state.signal ?? ''];
      const exitCode = state.exitCode ?? SIGNAL_EXIT_BASE + (number ?? 0);
      return {
        terminated: {
          exitCode,
          ...(number === undefined ? {} : { signal: number }),
          reason: exitCode === 0 ? 'Completed' : 'Error',
          message: 'The process ended and is not started again: delete the Pod for a new one.',
          startedAt: iso(state.startedMs),
          finishedAt: iso(state.endedMs),
          containerID: `process://${state.pid}`,
        },
      };
    }
  }
}

/** The object to apply for `pod`. */
export function statusPatch(pod: NodePod, status: Record<string, unknown>) {
  const { name, namespace, uid } = pod.metadata;
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace, uid }, status };
}

/** metav1.Time has whole seconds. */
function iso(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
