/** Every case through two linked gateways, of which west dialled. */
import { after, before } from 'node:test';
import { type Backend, startBackend } from './backend.ts';
import { type Linked, startLinked } from './linked.ts';
import { gatewayPlace, testCase } from './run.ts';
import { CASES } from './table.ts';

let backend: Backend;
let world: Linked | undefined;

before(async () => {
  backend = await startBackend();
  world = await startLinked(new Set(['west']), backend);
});

after(async () => {
  backend.destroy();
  await world?.stop();
});

for (const each of CASES) {
  testCase(
    each,
    () => backend,
    () => gatewayPlace(each, (world as Linked).west),
  );
}
