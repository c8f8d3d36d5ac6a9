/** A drill that ends early mends what it broke, and says what it cannot mend. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDrill } from '#cli/drill/file.ts';
import { runDrill } from '#cli/drill/run.ts';
import { Interruption } from '#cli/interruption.ts';
import { IsthmusError } from '#core/errors.ts';
import { systemRandom } from '#core/random.ts';
import { VirtualClock } from '#core/virtual-clock.ts';
import { StatusError } from '#kube/client.ts';
import { MemoryClient } from '../support/memory-client.ts';

function drillWith(fault: object) {
  const document = {
    apiVersion: 'isthmus.dev/v1alpha1',
    kind: 'FailoverDrill',
    metadata: { name: 'early' },
    spec: {
      target: { cluster: 'west', namespace: 'shop', service: 'backend', port: 8080 },
      load: { requestsPerSecond: 1 },
      steps: [
        { name: 'before', seconds: 2 },
        { name: 'outage', seconds: 20, fault: { cluster: 'west', ...fault } },
      ],
    },
  };
  return parseDrill(JSON.stringify(document), 'early.json');
}

/** Runs a drill with `fault` and interrupts it five seconds into it. */
async function interrupted(
  fault: object,
  onPost: (path: string) => unknown = () => ({}),
  onEnd: () => void = () => undefined,
) {
  const clock = new VirtualClock();
  const west = new MemoryClient();
  west.onPost = async (path) => ({ id: 'fault-1', broken: ['a'], ...Object(await onPost(path)) });
  const ended = new AbortController();
  const steps: string[] = [];
  const running = runDrill(drillWith(fault), {
    clock,
    random: systemRandom,
    signal: ended.signal,
    // Nothing listens there, which is all the same to what is tested.
    address: { host: '127.0.0.1', port: 1 },
    client: () => west,
    onStep: (step) => steps.push(step.name),
    onLongLift: ({ type, cluster }) => steps.push(`lifting ${type} of ${cluster}`),
  });
  running.catch(() => undefined);
  await clock.pass(9_000);
  ended.abort(new Interruption('SIGINT'));
  await clock.pass(3_000);
  onEnd();
  const failure: unknown = await running.then(
    () => undefined,
    (error: unknown) => error,
  );
  assert.ok(failure instanceof IsthmusError);
  return { failure, message: failure.message, paths: west.posts.map((each) => each.path), steps };
}

test('an interrupted drill lifts its fault and says so', async () => {
  const { failure, message, paths, steps } = await interrupted({
    type: 'freezeComponent',
    component: 'mirror',
  });
  assert.ok(failure instanceof Interruption);
  assert.equal(failure.exitCode, 130);
  assert.deepEqual(paths, ['/faults/processes/break', '/faults/processes/restore']);
  assert.deepEqual(steps, ['before', 'outage']);
  assert.equal(message, 'interrupted by SIGINT: in step 2/2 "outage"; every fault was lifted');
});

test('an API server that is down cannot be told to come back: how long it stays so is told', async () => {
  const { message, paths } = await interrupted({ type: 'apiServerDown' });
  assert.deepEqual(paths, ['/faults/inject']);
  assert.match(
    message,
    /in step 2\/2 "outage"; apiServerDown of west cannot be lifted and lasts for another 1\d s$/,
  );
});

test('a fault that could not be lifted is named', async () => {
  const { failure } = await interrupted(
    { type: 'freezeComponent', component: 'mirror' },
    (path) => {
      if (path.endsWith('/restore'))
        throw new IsthmusError('CLUSTER_UNREACHABLE', 'nobody answers');
    },
  );
  assert.equal(failure.code, 'CLUSTER_UNREACHABLE');
  assert.match(failure.message, /^freezeComponent of west could not be lifted and may .*: nobody/);
  assert.match(failure.next, /API server of west/);
});

test('an interrupted drill whose fault takes long to lift says what it waits for', async () => {
  let answer: (value: object) => void = () => undefined;
  const lifted = new Promise((resolve) => {
    answer = resolve;
  });
  const { message, steps } = await interrupted(
    { type: 'freezeComponent', component: 'mirror' },
    (path) => (path.endsWith('/restore') ? lifted : {}),
    () => answer({}),
  );
  assert.deepEqual(steps, ['before', 'outage', 'lifting freezeComponent of west']);
  assert.match(message, /every fault was lifted$/);
});

test('a cluster that is not embedded is told as one that cannot be broken on demand', async () => {
  const cause = new StatusError(404, 'NotFound', 'the server could not find the resource');
  for (const fault of [
    { type: 'freezeComponent', component: 'mirror' },
    { type: 'partition', from: 'gateway', to: { component: 'identity' } },
  ]) {
    const { failure, message } = await interrupted(fault, () => {
      throw new IsthmusError('API_REFUSED', cause.message, { cause });
    });
    assert.equal(failure.code, 'INVALID_FILE');
    assert.equal(failure.field, 'spec.steps[1].fault');
    assert.match(message, /^west cannot be broken on demand/);
    assert.match(failure.next, /isthmus drill FILE --dev/);
  }
});
