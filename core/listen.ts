/**
 * Opening a listening socket, wherever the network puts the address. The server is an argument.
 */
import type { Server } from 'node:net';
import { IsthmusError } from './errors.ts';
import { type Address, formatAddress, type Network } from './network.ts';

const BACKLOG = 1_024;

/** Listens on `address`; rejects with `ADDRESS_IN_USE`, or `INVALID_CONFIG` for one not ours to bind. */
export function listen(server: Server, address: Address, network: Network): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onError = (error: NodeJS.ErrnoException) => {
    const code = error.code === 'EADDRINUSE' ? 'ADDRESS_IN_USE' : 'INVALID_CONFIG';
    reject(
      new IsthmusError(code, `cannot listen on ${formatAddress(address)}: ${error.message}`, {
        field: formatAddress(address),
        cause: error,
      }),
    );
  };
  server.once('error', onError);
  server.listen({ ...network.locate(address), backlog: BACKLOG }, () => {
    server.off('error', onError);
    resolve();
  });
  return promise;
}
