/**
 * Deployments: a ReplicaSet per pod template, and the way from one to the next.
 */
import { createHash } from 'node:crypto';
import type { Timer } from '#core/clock.ts';
import {
  annotationsOf,
  asNumber,
  asObject,
  at,
  controllerOf,
  isDeleting,
  type JsonObject,
  type KubeObject,
  namespaceOf,
  without,
} from '../values/json.ts';
import { countOf, DEPLOYMENTS, HASH, isSameTemplate } from './deployment-sets.ts';
import { untilLateMs, writeStatus } from './deployment-status.ts';
import type { Kit, Running } from './kit.ts';
import { keyOf, splitKey } from './queue.ts';
import { PODS, REPLICA_SETS } from './replica-sets.ts';
import { bounds, growNew, shrinkOld } from './rollout.ts';

/** Times of conditions are whole seconds. */
const SECOND_MS = 1_000;
/** Timers know no longer times; a deadline beyond is none. */
const TIMER_MS_MAX = 2 ** 31 - 1;
const REVISION = 'deployment.kubernetes.io/revision';

/** Starts the controller. */
export function runDeployments(kit: Kit): Running {
  const deadlines = new Map<string, Timer>();
  const queue = kit.queue('deployments', (key) => {
    reconcile(kit, key);
    deadlines.get(key)?.cancel();
    deadlines.delete(key);
    const live = kit.store.get(DEPLOYMENTS, ...splitKey(key));
    const lateMs = live && untilLateMs(kit, live);
    if (lateMs === undefined || lateMs > TIMER_MS_MAX) return;
    deadlines.set(
      key,
      kit.clock.after(Math.max(0, lateMs) + SECOND_MS, () => queue.add(key)),
    );
  });
  const stops = [
    kit.store.listen(DEPLOYMENTS, ({ object }) => queue.add(keyOf(object))),
    kit.store.listen(REPLICA_SETS, ({ object }) => {
      const owner = controllerOf(object);
      if (owner?.kind === 'Deployment') queue.add(`${namespaceOf(object)}/${owner.name}`);
    }),
    kit.store.listen(PODS, ({ type, object }) => {
      // Strategy Recreate waits for pods to be gone.
      const owner = type === 'DELETED' ? controllerOf(object) : undefined;
      const set = owner && kit.store.get(REPLICA_SETS, namespaceOf(object), owner.name);
      const parent = set && controllerOf(set);
      if (parent) queue.add(`${namespaceOf(object)}/${parent.name}`);
    }),
  ];
  return {
    close() {
      for (const stop of stops) stop();
      for (const timer of deadlines.values()) timer.cancel();
      queue.close();
    },
  };
}

function reconcile(kit: Kit, key: string): void {
  const [namespace, name] = splitKey(key);
  const deployment = kit.store.get(DEPLOYMENTS, namespace, name);
  if (!deployment) return;
  if (isDeleting(deployment)) {
    writeStatus(kit, deployment);
    return;
  }
  const sets = kit.controlled(REPLICA_SETS, deployment);
  const current = sets.find((set) => isSameTemplate(set, deployment));
  const isPaused = at(deployment, 'spec', 'paused') === true;
  if (current || !isPaused) {
    const next = current ?? createSet(kit, deployment, sets);
    if (current) raiseRevision(kit, deployment, current, sets);
    const olds = sets.filter((set) => set.metadata.uid !== next.metadata.uid);
    if (isPaused) scaleTo(kit, deployment, next, asNumber(at(deployment, 'spec', 'replicas')));
    else if (at(deployment, 'spec', 'strategy', 'type') === 'Recreate') {
      recreate(kit, deployment, next, olds);
    } else roll(kit, deployment, next, olds);
    cleanUp(kit, deployment, olds);
  }
  writeStatus(kit, deployment);
}

function createSet(kit: Kit, deployment: KubeObject, sets: readonly KubeObject[]): KubeObject {
  const template = asObject(at(deployment, 'spec', 'template'));
  const digest = createHash('sha256').update(JSON.stringify(template)).digest('hex').slice(0, 10);
  const hash = [...digest].map((char) => 'bcdf456789ghklmn'[Number.parseInt(char, 16)]).join('');
  const metadata = asObject(template.metadata);
  const labels = { ...asObject(metadata.labels), [HASH]: hash };
  const selector = asObject(at(deployment, 'spec', 'selector'));
  const matchLabels = { ...asObject(selector.matchLabels), [HASH]: hash };
  const revision = String(Math.max(0, ...sets.map(revisionOf)) + 1);
  const set = kit.create(REPLICA_SETS, namespaceOf(deployment), {
    metadata: {
      name: `${deployment.metadata.name}-${hash}`,
      labels,
      annotations: setAnnotations(deployment, revision),
      ownerReferences: [kit.ownerReference(DEPLOYMENTS, deployment)],
    },
    spec: {
      replicas: 0,
      selector: { ...selector, matchLabels },
      template: { ...template, metadata: { ...metadata, labels } },
    },
  });
  annotateRevision(kit, deployment, revision);
  return set;
}

function setAnnotations(deployment: KubeObject, revision: string): JsonObject {
  const own = without(
    annotationsOf(deployment),
    'kubectl.kubernetes.io/last-applied-configuration',
  );
  const replicas = String(asNumber(at(deployment, 'spec', 'replicas')));
  return {
    ...own,
    [REVISION]: revision,
    'deployment.kubernetes.io/desired-replicas': replicas,
    'deployment.kubernetes.io/max-replicas': replicas,
  };
}

function revisionOf(set: KubeObject): number {
  return Number(annotationsOf(set)[REVISION] ?? 0);
}

/** A template that is used again becomes the newest revision. */
function raiseRevision(
  kit: Kit,
  deployment: KubeObject,
  current: KubeObject,
  sets: readonly KubeObject[],
): void {
  const newest = Math.max(...sets.map(revisionOf));
  let revision = revisionOf(current);
  if (revision < newest || revision === 0) {
    revision = newest + 1;
    kit.modify(REPLICA_SETS, current, (live) => annotated(live, String(revision)));
  }
  annotateRevision(kit, deployment, String(revision));
}

function annotateRevision(kit: Kit, deployment: KubeObject, revision: string): void {
  kit.modify(DEPLOYMENTS, deployment, (live) => annotated(live, revision));
}

function annotated(live: KubeObject, revision: string): JsonObject {
  const annotations = { ...annotationsOf(live), [REVISION]: revision };
  return { ...live, metadata: { ...live.metadata, annotations } };
}

function roll(
  kit: Kit,
  deployment: KubeObject,
  next: KubeObject,
  olds: readonly KubeObject[],
): void {
  const replicas = asNumber(at(deployment, 'spec', 'replicas'));
  const rolling = asObject(at(deployment, 'spec', 'strategy', 'rollingUpdate'));
  const { maxSurge, maxUnavailable } = bounds(rolling.maxSurge, rolling.maxUnavailable, replicas);
  const counts = olds.map(countOf);
  const grown = growNew(replicas, maxSurge, countOf(next), counts);
  const kept = shrinkOld(replicas, maxUnavailable, countOf(next), counts);
  scaleTo(kit, deployment, next, grown);
  olds.forEach((old, index) => {
    scaleTo(kit, deployment, old, kept[index] ?? 0);
  });
}

function recreate(
  kit: Kit,
  deployment: KubeObject,
  next: KubeObject,
  olds: readonly KubeObject[],
): void {
  for (const old of olds) scaleTo(kit, deployment, old, 0);
  if (olds.some((old) => kit.controlled(PODS, old).length > 0)) return;
  scaleTo(kit, deployment, next, asNumber(at(deployment, 'spec', 'replicas')));
}

function scaleTo(kit: Kit, deployment: KubeObject, set: KubeObject, replicas: number): void {
  const before = countOf(set).wanted;
  if (before === replicas) return;
  kit.modify(REPLICA_SETS, set, (live) => ({
    ...live,
    spec: { ...asObject(live.spec), replicas },
  }));
  const way = replicas > before ? 'up' : 'down';
  kit.events.record(
    deployment,
    'Normal',
    'ScalingReplicaSet',
    `Scaled ${way} replica set ${set.metadata.name} from ${before} to ${replicas}`,
  );
}

/** Empty old sets beyond the history limit go, the oldest first. */
function cleanUp(kit: Kit, deployment: KubeObject, olds: readonly KubeObject[]): void {
  const limit = asNumber(at(deployment, 'spec', 'revisionHistoryLimit'), 10);
  const idle = olds
    .filter((set) => countOf(set).wanted === 0 && asNumber(at(set, 'status', 'replicas')) === 0)
    .sort((a, b) => revisionOf(a) - revisionOf(b));
  for (const set of idle.slice(0, Math.max(0, idle.length - limit))) kit.delete(REPLICA_SETS, set);
}
