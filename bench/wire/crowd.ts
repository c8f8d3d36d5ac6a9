/**
 * Services that nobody asks for: exported, mirrored and listened for like the one that is measured, so
 * that their number can be seen to cost requests nothing.
 */
import type { Demo } from '#cli/dev/demo.ts';
import { services } from '#kube/resources/builtin.ts';
import { NAMESPACE, offer } from '../kit/offer.ts';

/** How many services, and how many endpoints they have together. */
export interface Crowd {
  readonly services: number;
  readonly endpoints: number;
}

const PORT = 8_080;
const AT_ONCE = 16;
const MIRROR_WAIT_MS = 180_000;
const POLL_MS = 250;
/** Where their endpoints seem to be: a loopback block nobody listens in. */
const BLOCK = 254;

/** Exports `crowd` from east and waits until west has mirrored all of it. */
export async function addCrowd(
  demo: Demo,
  crowd: Crowd,
  progress: (text: string) => void,
): Promise<void> {
  const names = Array.from({ length: crowd.services }, (_, at) => `crowd-${at}`);
  const each = Math.ceil(crowd.endpoints / crowd.services);
  let next = 0;
  const work = async () => {
    for (let at = next++; at < names.length; at = next++)
      await exportOne(demo, names[at] as string, at, each);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const deadlineMs = performance.now() + MIRROR_WAIT_MS;
  for (;;) {
    const all = await demo.cluster('west').client.list(services, { namespace: NAMESPACE });
    // Each has a global Service beside its mirror.
    const mirrored = all.filter(({ metadata }) =>
      /^crowd-.*-east$/.test(metadata.name ?? ''),
    ).length;
    progress(`${mirrored} of ${names.length} more services mirrored …\n`);
    if (mirrored >= names.length) return;
    if (performance.now() > deadlineMs) throw new Error(`only ${mirrored} services were mirrored`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function exportOne(demo: Demo, name: string, number: number, endpoints: number) {
  const addresses = Array.from({ length: endpoints }, (_, at) => {
    const all = number * endpoints + at;
    return `127.${BLOCK}.${(all >> 8) & 255}.${all & 255}`;
  });
  await offer(demo.cluster('east').client, name, addresses, { http: PORT });
}
