/** Drill files: what is refused, and the calls their faults become. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { faultCalls } from '#cli/drill/faults.ts';
import { parseDrill } from '#cli/drill/file.ts';
import { apiFault } from '#devcluster/faults/api-fault.ts';

const text = readFileSync('manifests/drills/local-outage.yaml', 'utf8');

test('a bad file names every field that is wrong', () => {
  const check = (change: (yaml: string) => string, field: string, part: RegExp) => {
    assert.throws(
      () => parseDrill(change(text), 'bad.yaml'),
      (error: Error & { code?: string; field?: string }) => {
        assert.equal(error.code, 'INVALID_FILE');
        assert.equal(error.field, field);
        assert.match(error.message, part);
        return true;
      },
    );
  };
  check(
    (yaml) => yaml.replace('seconds: 8', 'secs: 8'),
    'spec.steps[0].seconds',
    /spec\.steps\[0\]\.secs is not a known field/,
  );
  check(
    (yaml) => yaml.replace('failedRequestsMax: 0', 'failedRequestsMax: -1'),
    'spec.expect.failedRequestsMax',
    /failedRequestsMax/,
  );
  check((yaml) => yaml.replace('destroyPods', 'unplug'), 'spec.steps[1].fault.type', /destroyPods/);
  check((yaml) => yaml.replace('name: outage', 'name: before'), 'spec.steps[1].name', /twice/);
  check(
    (yaml) => yaml.replace('selector: app=backend', 'selector: "app=(("'),
    'spec.steps[1].fault.selector',
    /label selector/,
  );
  check(() => '', 'the document', /the document/);
  check(() => 'a: [', 'bad.yaml', /bad\.yaml/);
});

test('a file of several documents is no drill, in our words and not those of a library', () => {
  assert.throws(() => parseDrill(`${text}---\n${text}`, 'two.yaml'), {
    code: 'INVALID_FILE',
    message: 'two.yaml: it holds several documents, a drill is one',
  });
});

test('selectors are taken as kubectl takes them', () => {
  for (const selector of [
    'app',
    '!app',
    'app=backend',
    'app==b,tier!=c',
    'tier in (a, b),x notin (y)',
    'k8s.io/app=',
  ]) {
    assert.ok(parseDrill(text.replace('app=backend', `"${selector}"`), 'ok.yaml'), selector);
  }
});

test('every fault is checked by field and becomes calls that break and mend', () => {
  const withFault = (fault: object) =>
    text.replace(
      / {6}fault:\n( {8}.*\n)+/,
      `      fault: ${JSON.stringify({ cluster: 'west', ...fault })}\n`,
    );
  const parsed = (fault: object) => parseDrill(withFault(fault), 'x.yaml').spec.steps[1]?.fault;
  const calls = (fault: object) => {
    const checked = parsed(fault);
    assert.ok(checked);
    const [first] = faultCalls(checked, 8);
    assert.ok(first);
    const { inject, lift } = first;
    return [inject.path, inject.body, lift({ id: 'x-1' })];
  };
  assert.deepEqual(calls({ type: 'killComponent', component: 'gateway' }), [
    '/faults/processes/break',
    {
      namespace: 'isthmus-system',
      selector: 'app.kubernetes.io/component=gateway',
      how: 'kill',
    },
    {
      path: '/faults/processes/restore',
      body: { namespace: 'isthmus-system', selector: 'app.kubernetes.io/component=gateway' },
    },
  ]);
  assert.deepEqual(calls({ type: 'partitionApiServer', component: 'mirror' }), [
    '/faults/inject',
    {
      fault: {
        type: 'apiServerSilent',
        match: { users: ['system:serviceaccount:isthmus-system:isthmus-mirror'] },
      },
      seconds: 8,
    },
    { path: '/faults/lift', body: { id: 'x-1' } },
  ]);
  assert.equal(calls({ type: 'apiServerDown' })[2], undefined);
  // What a drill asks for is what an API server accepts.
  for (const fault of [
    { type: 'apiServerSlow', delayMs: 100 },
    { type: 'apiServerErrors', status: 503, share: 0.5 },
    { type: 'watchesCut', expireVersions: true },
    { type: 'watchesCut' },
    { type: 'staleReads' },
    { type: 'clockSkew', offsetSeconds: -60 },
  ]) {
    const body = calls(fault)[1] as { fault: unknown };
    assert.equal(apiFault.safeParse(body.fault).success, true, JSON.stringify(body));
  }
  for (const [fault, field] of [
    [{ type: 'apiServerSlow' }, 'spec.steps[1].fault.delayMs'],
    [{ type: 'apiServerErrors', status: 418 }, 'spec.steps[1].fault.status'],
    [{ type: 'killComponent', component: 'kubelet' }, 'spec.steps[1].fault.component'],
    [{ type: 'freezeComponent' }, 'spec.steps[1].fault.component'],
  ] as const) {
    assert.throws(
      () => parsed(fault),
      (error: Error & { field?: string }) => error.field === field,
    );
  }
});
