/**
 * A client through which pods trust somebody else than the cluster's own authority: the recorder's.
 *
 * A kubelet writes ConfigMap `kube-root-ca.crt` into every pod; seen through this client it holds another
 * certificate, and nothing else differs.
 */
import type { KubeClient, Resource, WatchEvent } from '#kube/client.ts';
import type { HttpKubeClient } from '#kube/http-client.ts';
import type { ConfigMap, KubeObject } from '#kube/types.ts';

const NAME = 'kube-root-ca.crt';

/** `client`, whose `kube-root-ca.crt` is `authority`. */
export function withAuthority(client: HttpKubeClient, authority: string): KubeClient {
  const seen = <T extends KubeObject>(object: T): T =>
    object.kind === 'ConfigMap' && object.metadata.name === NAME
      ? ({ ...object, data: { 'ca.crt': authority } } as ConfigMap & T)
      : object;
  const wrapped: Pick<KubeClient, 'listPage' | 'watch'> = {
    async listPage(resource, selection, page, signal) {
      const found = await client.listPage(resource, selection, page, signal);
      return { ...found, items: found.items.map(seen) };
    },
    async *watch<T extends KubeObject>(
      resource: Resource<T>,
      selection: Parameters<KubeClient['watch']>[1],
      resourceVersion: string,
      signal: AbortSignal,
    ): AsyncGenerator<WatchEvent<T>> {
      for await (const event of client.watch(resource, selection, resourceVersion, signal)) {
        yield event.type === 'BOOKMARK' ? event : { ...event, object: seen(event.object) };
      }
    },
  };
  return new Proxy(client, {
    get(target, key) {
      if (key === 'listPage' || key === 'watch') return wrapped[key];
      const value: unknown = Reflect.get(target, key);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  }) as unknown as KubeClient;
}
