/**
 * A pod: a listening server that can be destroyed with all its connections.
 */
import net, { type AddressInfo } from 'node:net';

export interface Pod {
  readonly port: number;
  destroy(): void;
}

/** Opens `server` on a port of loopback. */
export async function startServer(server: net.Server): Promise<Pod> {
  const sockets = new Set<net.Socket>();
  server.on('connection', (socket: net.Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    destroy() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** A port nobody listens on. */
export async function refusedPort(): Promise<Pod> {
  const pod = await startServer(net.createServer());
  pod.destroy();
  return pod;
}
