/** Identity as a workload meets it: a server on a real socket that signs for one token. */
import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { type Clock, systemClock } from '#core/clock.ts';
import { IsthmusError } from '#core/errors.ts';
import { type Logger, silentLogger } from '#core/log.ts';
import { createSigningServer, type SIGNING_LIMITS } from '#identity/server.ts';
import { type Authority, createSigning, ownCredentials } from '#identity/signing.ts';
import { systemId } from './authority-fixture.ts';

/** The id that {@link GOOD_TOKEN} proves. */
export const GATEWAY = systemId('west', 'isthmus-gateway');
export const GOOD_TOKEN = 'good-token';

interface Service {
  readonly server: Server;
  readonly port: number;
}

/** Identity of `authority`, on a port of its own, until `t` ends. */
export async function serve(
  t: TestContext,
  authority: Authority,
  options: {
    account?: string;
    clock?: Clock;
    limits?: typeof SIGNING_LIMITS;
    log?: Logger;
  } = {},
): Promise<Service> {
  const clock = options.clock ?? systemClock;
  const id = systemId('west', options.account ?? 'isthmus-identity');
  const credentials = ownCredentials(
    authority,
    id,
    ['isthmus-identity.isthmus-system.svc'],
    Date.now(),
  );
  const sign = createSigning({
    trustDomain: 'west.isthmus.local',
    clock,
    authority: () => authority,
    review: async (token) => {
      if (token !== GOOD_TOKEN) throw new IsthmusError('IDENTITY_REFUSED', 'The token is bad');
      return { namespace: 'isthmus-system', serviceAccount: 'isthmus-gateway' };
    },
  });
  const server = createSigningServer({
    credentials,
    clock,
    log: options.log ?? silentLogger,
    sign,
    ...(options.limits ? { limits: options.limits } : {}),
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { server, port: (server.address() as AddressInfo).port };
}
