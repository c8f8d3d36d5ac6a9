/** How a workload obtains its certificate, and renews it. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Clock, systemClock } from '#core/clock.ts';
import { silentLogger } from '#core/log.ts';
import { identityNetwork } from '#core/network.ts';
import { seededRandom } from '#core/random.ts';
import type { Credentials } from '#identity/credentials.ts';
import { RENEWED_EACH_MS, renewalMs, WorkloadIdentity } from '#identity/workload.ts';
import { createAuthority } from './authority-fixture.ts';
import { GATEWAY, GOOD_TOKEN, serve } from './service.ts';

interface WorkloadFiles {
  readonly tokenFile: string;
  readonly bundleFile: string;
}

/** Files of a workload, which are not there yet. */
function workloadFiles(t: TestContext): WorkloadFiles {
  const directory = mkdtempSync(join(tmpdir(), 'isthmus-workload-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return { tokenFile: join(directory, 'token'), bundleFile: join(directory, 'ca.crt') };
}

/** A gateway that asks for its certificate at `port`. */
function workloadAt(port: number, files: WorkloadFiles, clock: Clock): WorkloadIdentity {
  return new WorkloadIdentity({
    id: GATEWAY,
    identityAddress: { host: '127.0.0.1', port },
    network: identityNetwork,
    ...files,
    clock,
    random: seededRandom(1),
    log: silentLogger,
  });
}

/** The machine's clock, except that waits of half a minute pass at once; `skippedMs` is how much that was. */
function impatientClock(): Clock & { readonly skippedMs: number } {
  let skippedMs = 0;
  return {
    ...systemClock,
    get skippedMs() {
      return skippedMs;
    },
    monotonicMs: () => systemClock.monotonicMs() + skippedMs,
    wallMs: () => systemClock.wallMs() + skippedMs,
    after(delayMs, callback) {
      if (delayMs < 30_000) return systemClock.after(delayMs, callback);
      skippedMs += delayMs;
      return systemClock.after(0, callback);
    },
  };
}

test('A workload waits for its files and for identity, then renews and tells its listeners', async (t) => {
  const west = createAuthority('west');
  const { port } = await serve(t, west);
  const files = workloadFiles(t);
  const clock = impatientClock();
  const identity = workloadAt(port, files, clock);
  assert.throws(() => identity.current(), { code: 'INTERNAL' });
  let skippedMs = 0;
  const renewed = new Promise<Credentials>((resolve) =>
    identity.onRenewed((credentials) => {
      skippedMs = clock.skippedMs;
      identity.close();
      resolve(credentials);
    }),
  );
  const started = identity.start(new AbortController().signal);
  writeFileSync(files.tokenFile, `${GOOD_TOKEN}\n`);
  writeFileSync(files.bundleFile, west.trustBundle);
  const first = await started;
  const second = await renewed;
  assert.notEqual(first.certificateChain, second.certificateChain);
  assert.notEqual(first.privateKey, second.privateKey);
  assert.equal(
    identity.current().id,
    'spiffe://west.isthmus.local/ns/isthmus-system/sa/isthmus-gateway',
  );
  assert.ok(skippedMs > 15 * 3_600_000 && skippedMs < 19 * 3_600_000, `${skippedMs} ms`);
});

test('A certificate is renewed in time where the machine slept, or its clock was put right', async (t) => {
  const west = createAuthority('west');
  const { port } = await serve(t, west);
  const files = workloadFiles(t);
  writeFileSync(files.tokenFile, GOOD_TOKEN);
  writeFileSync(files.bundleFile, west.trustBundle);
  let sleptMs = 0;
  const waits: { readonly delayMs: number; readonly callback: () => void }[] = [];
  const identity = workloadAt(port, files, {
    ...systemClock,
    wallMs: () => systemClock.wallMs() + sleptMs,
    after(delayMs, callback) {
      if (delayMs >= RENEWED_EACH_MS) waits.push({ delayMs, callback });
      return systemClock.after(delayMs, callback);
    },
  });
  t.after(() => identity.close());
  const renewed = new Promise<Credentials>((resolve) => identity.onRenewed(resolve));
  const first = await identity.start(new AbortController().signal);
  sleptMs = 20 * 3_600_000;
  const next = waits.at(-1);
  assert.ok(next && next.delayMs <= 60_000, `the next look is in ${next?.delayMs} ms`);
  next.callback();
  assert.notEqual((await renewed).certificateChain, first.certificateChain);
});

test('A certificate that is due as soon as it is signed is not renewed without a pause', async (t) => {
  const west = createAuthority('west');
  const { validity } = west;
  const notAfterMs = Date.now() + 70_000;
  const { port } = await serve(t, { ...west, validity: { ...validity, notAfterMs } });
  const files = workloadFiles(t);
  writeFileSync(files.tokenFile, GOOD_TOKEN);
  writeFileSync(files.bundleFile, west.trustBundle);
  const waits: number[] = [];
  const identity = workloadAt(port, files, {
    ...systemClock,
    after(delayMs, callback) {
      waits.push(delayMs);
      return systemClock.after(delayMs, callback);
    },
  });
  const first = await identity.start(new AbortController().signal);
  assert.equal(renewalMs(first, Date.now(), { next: () => 1 }), 0);
  assert.equal(waits.at(-1), RENEWED_EACH_MS);
  identity.close();
});

test('A workload that is told to end while it waits rejects with the reason', async () => {
  const ended = new AbortController();
  const identity = workloadAt(
    9,
    { tokenFile: '/nonexistent/token', bundleFile: '/nonexistent/ca.crt' },
    systemClock,
  );
  const started = identity.start(ended.signal);
  const reason = new Error('over');
  ended.abort(reason);
  await assert.rejects(started, reason);
});

test('Renewal is due between two thirds and four fifths of a life', () => {
  const life = { notBeforeMs: 0, notAfterMs: 30_000 };
  const at = (next: number) => renewalMs(life, 1_000, { next: () => next });
  assert.equal(at(0), 19_000);
  assert.ok(at(0.999) < 23_000);
  assert.equal(renewalMs(life, 40_000, { next: () => 0 }), 0);
});
