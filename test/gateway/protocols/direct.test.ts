/** Every case against the pods themselves: what fails here is a mistake of the suite. */
import { after, before } from 'node:test';
import { type Backend, startBackend } from './backend.ts';
import { podPlace, testCase } from './run.ts';
import { CASES } from './table.ts';

let backend: Backend;

before(async () => {
  backend = await startBackend();
});

after(() => backend.destroy());

// A case that is the same at several ports needs no pod twice.
const seen = new Set<string>();
for (const each of CASES.filter(({ gatewayOnly }) => !gatewayOnly)) {
  const key = `${each.name} ${each.direct ?? each.port.replace(/-auto$/, '')}`;
  if (seen.has(key)) continue;
  seen.add(key);
  testCase(
    each,
    () => backend,
    () => podPlace(each, backend),
  );
}
