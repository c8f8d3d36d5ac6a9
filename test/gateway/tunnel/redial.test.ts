/** When tunnels that could not be dialled are tried again, and who waits for them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Clock, systemClock } from '#core/clock.ts';
import { IsthmusError } from '#core/errors.ts';
import type { TunnelPurpose } from '#core/hello.ts';
import { seededRandom } from '#core/random.ts';
import { TunnelSlot } from '#gateway/tunnel/slot.ts';
import { Succession } from '#gateway/tunnel/succession.ts';
import type { Tunnel } from '#gateway/tunnel/tunnel.ts';

/** No time passes: what is put off never comes. */
const frozen: Clock = {
  ...systemClock,
  monotonicMs: () => 0,
  after: () => ({ cancel: () => undefined }),
};

function refusedSlot() {
  let dials = 0;
  const slot = new TunnelSlot({
    clock: frozen,
    random: seededRandom(1),
    open: async () => {
      dials += 1;
      throw new IsthmusError('PEER_UNREACHABLE', 'refused');
    },
    onChange: () => undefined,
  });
  return { slot, dials: () => dials };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('a peer that shows it is there is dialled at once, however long the pause still was', async () => {
  const { slot, dials } = refusedSlot();
  await turn();
  assert.equal(dials(), 1);
  slot.hurry();
  await turn();
  assert.equal(dials(), 2);
});

test('a dial under way is not begun twice, and a slot that was stopped dials no more', async () => {
  const { slot, dials } = refusedSlot();
  slot.hurry();
  await turn();
  assert.equal(dials(), 1);
  slot.stop(new IsthmusError('TUNNEL_LOST', 'over'), false);
  slot.hurry();
  await turn();
  assert.equal(dials(), 1);
});

function succession(open: Partial<Record<TunnelPurpose, Tunnel>>, dialled: Set<TunnelPurpose>) {
  return new Succession({
    clock: systemClock,
    silenceMs: 3_000,
    pick: (purpose) => open[purpose],
    dialling: (purpose) => dialled.has(purpose),
  });
}

test('a connection waits for the opaque tunnel of a peer that is there while it is being dialled', async () => {
  const tunnel = {} as Tunnel;
  const open: Partial<Record<TunnelPurpose, Tunnel>> = { data: tunnel };
  const waits = succession(open, new Set<TunnelPurpose>(['opaque']));
  const found = waits.wait('opaque');
  assert.ok(found);
  open.opaque = tunnel;
  waits.notice();
  assert.equal(await found, tunnel);
});

test('a connection that waits is told when the dial has failed', async () => {
  const dialled = new Set<TunnelPurpose>(['opaque']);
  const waits = succession({ data: {} as Tunnel }, dialled);
  const found = waits.wait('opaque');
  assert.ok(found);
  dialled.clear();
  waits.notice();
  await assert.rejects(found, { code: 'PEER_UNREACHABLE' });
});

test('nobody waits for an opaque tunnel of a peer that is not there', () => {
  assert.equal(succession({}, new Set<TunnelPurpose>(['opaque'])).wait('opaque'), undefined);
  assert.equal(succession({ data: {} as Tunnel }, new Set()).wait('opaque'), undefined);
});
