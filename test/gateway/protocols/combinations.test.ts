/** A part of the cases over every combination of who dialled and who is the HTTP/2 client. */
import { after, before, describe } from 'node:test';
import { type Backend, startBackend } from './backend.ts';
import type { Linked } from './linked.ts';
import { forEachCombination, gatewayPlace, testCase } from './run.ts';
import { CASES } from './table.ts';

// Detection is done before any tunnel: the ports that declare their protocol, and no others.
const SUBSET = CASES.filter(({ combine, port }) => combine && !port.endsWith('-auto'));

let backend: Backend;

before(async () => {
  backend = await startBackend();
});

const worlds = forEachCombination(
  () => backend,
  ({ dialler, role, clients }, world) => {
    describe(`${dialler} dials as HTTP/2 ${role}, clients are in ${clients}`, () => {
      let linked: Linked;
      before(async () => {
        linked = await world();
      });
      for (const each of SUBSET) {
        testCase(
          each,
          () => backend,
          () => gatewayPlace(each, linked[clients]),
        );
      }
    });
  },
);

after(async () => {
  backend.destroy();
  await worlds.stop();
});
