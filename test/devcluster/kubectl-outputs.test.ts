/**
 * What kubectl prints against the embedded API server is what it prints against a real one, word for word where no name or
 * time is in it. The newest kubectl, every version where `ISTHMUS_KUBECTL` is `all`; and the dispatcher, which picks one by the server's version.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { DISPATCHER, KUBECTLS, SKIP_KUBECTL, shop, startWorld, type World } from './world.ts';

const NONE = [{ binary: 'kubectl', full: true }];
const list = (items: object[]) => JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
const configMap = (name: string, data: object) =>
  JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data });

for (const { binary } of (KUBECTLS.length > 0 ? KUBECTLS : NONE).filter((each) => each.full)) {
  describe(`with ${binary}`, { skip: SKIP_KUBECTL }, () => {
    const isOldest = binary.endsWith('.27');
    const ANNOTATED = `configmap/labelled annotate${isOldest ? '' : 'd'}\n`;
    let world: World;
    before(async () => {
      world = await startWorld();
    });
    after(() => world.close());

    const kubectl = (line: string, input?: string) => world.kubectl(binary, line.split(' '), input);
    /** Runs `line`, which must succeed and print `expected`, whole or by pattern. */
    const prints = async (line: string, expected: string | RegExp, input?: string) => {
      const { code, out, err } = await kubectl(line, input);
      assert.equal(code, 0, `${line}: ${out}${err}`);
      if (typeof expected === 'string') assert.equal(out, expected, line);
      else assert.match(out, expected, line);
    };
    /** Runs `line`, which must fail with `code` and say `expected` on standard error. */
    const fails = async (line: string, expected: RegExp, input?: string, wanted = 1) => {
      const { code, out, err } = await kubectl(line, input);
      assert.equal(code, wanted, `${line}: ${out}${err}`);
      assert.match(wanted === 1 && out !== '' ? out + err : err, expected, line);
    };

    test('get prints custom columns, JSONPath, names and sorted lists', async () => {
      for (const [name, weight] of [
        ['a', '3'],
        ['b', '1'],
        ['c', '2'],
      ]) {
        await prints(
          'apply -f -',
          `configmap/${name} created\n`,
          configMap(name ?? '', { weight }),
        );
      }
      await prints(
        'get cm a b -o custom-columns=NAME:.metadata.name,WEIGHT:.data.weight,NONE:.data.none',
        'NAME   WEIGHT   NONE\na      3        <none>\nb      1        <none>\n',
      );
      await prints(
        'get cm -o jsonpath={range.items[?(@.data.weight=="2")]}{.metadata.name}{end}',
        'c',
      );
      await prints('get cm a c -o name', 'configmap/a\nconfigmap/c\n');
      await prints(
        'get cm a b c --sort-by=.data.weight -o name',
        'configmap/b\nconfigmap/c\nconfigmap/a\n',
      );
      await prints('get cm a b c --no-headers', /^a +1 +\d+s\nb +1 +\d+s\nc +1 +\d+s\n$/);
      await prints(
        'get cm -A --field-selector metadata.name=b',
        /^NAMESPACE +NAME +DATA +AGE\ndefault +b +1 +\d+s\n$/,
      );
      await fails('get cm --field-selector data.x=y', /field label not supported: data\.x/);
      await prints('get --raw /api/v1/namespaces/default/configmaps/a', /"weight":"3"/);
    });

    test('apply, diff and dry runs agree, client-side and server-side', async () => {
      await prints('apply -f -', 'configmap/d created\n', configMap('d', { a: '1', b: '2' }));
      await prints('apply -f -', 'configmap/d unchanged\n', configMap('d', { a: '1', b: '2' }));
      await fails('diff -f -', /- {2}b: "2"/, configMap('d', { a: '1' }));
      await fails(
        'diff --server-side --force-conflicts -f -',
        /\+ {2}c: "3"/,
        configMap('d', { a: '1', c: '3' }),
      );
      await prints('diff -f -', '', configMap('d', { a: '1', b: '2' }));
      await prints(
        'apply --dry-run=server -f -',
        'configmap/d configured (server dry run)\n',
        configMap('d', { a: '9' }),
      );
      await prints(
        'apply --dry-run=client -f -',
        'configmap/d configured (dry run)\n',
        configMap('d', { a: '9' }),
      );
      await prints('get cm d -o jsonpath={.data}', '{"a":"1","b":"2"}');
      await prints('apply -f -', 'configmap/d configured\n', configMap('d', { a: '1' }));
      await prints('get cm d -o jsonpath={.data}', '{"a":"1"}');
      await prints('apply view-last-applied cm d -o json', /"a": "1"/);
      await prints(
        'apply --server-side -f -',
        'configmap/e serverside-applied\n',
        configMap('e', { a: '1' }),
      );
      await prints('create -f - --dry-run=server -o name', 'configmap/f\n', configMap('f', {}));
      await fails('get cm f', /Error from server \(NotFound\): configmaps "f" not found/);
      await fails(
        'create -f -',
        /Error from server \(AlreadyExists\): error when creating "STDIN": configmaps "d" already exists/,
        configMap('d', {}),
      );
      await prints('replace -f -', 'configmap/d replaced\n', configMap('d', { z: '1' }));
      await prints('get cm d -o jsonpath={.data}', '{"z":"1"}');
    });

    test('labels and annotations are set, kept, overwritten and removed', async () => {
      await prints('create cm labelled', 'configmap/labelled created\n');
      await prints('label cm labelled tier=x', 'configmap/labelled labeled\n');
      await prints('label cm labelled tier=x', 'configmap/labelled not labeled\n');
      await fails(
        'label cm labelled tier=y',
        /'tier' already has a value \(x\), and --overwrite is false/,
      );
      await prints('label cm labelled tier=y --overwrite', 'configmap/labelled labeled\n');
      await prints('get cm labelled -L tier --no-headers', /^labelled +0 +\d+s +y\n$/);
      await prints('annotate cm labelled note=z', ANNOTATED);
      await prints('label cm labelled tier-', 'configmap/labelled unlabeled\n');
      await prints('annotate cm labelled note-', ANNOTATED);
      await prints('get cm labelled --show-labels --no-headers', /<none>\n$/);
      await fails(
        'label cm labelled tier=not/valid',
        /a valid label must be an empty string or consist of alphanumeric/,
      );
    });

    test('patches of each type change what they should and say so', async () => {
      await prints('apply -f -', /deployment.apps\/backend created/, list(shop(2)));
      const patch = 'patch deploy backend -n shop';
      await prints(
        `${patch} -p {"spec":{"template":{"spec":{"containers":[{"name":"app","image":"sample:2"}]}}}}`,
        'deployment.apps/backend patched\n',
      );
      await prints(
        'get deploy backend -n shop -o jsonpath={.spec.template.spec.containers[*].ports[*].name}',
        'http',
      );
      await prints(
        `${patch} --type=merge -p {"metadata":{"labels":{"merged":"yes"}}}`,
        'deployment.apps/backend patched\n',
      );
      await prints(
        `${patch} --type=merge -p {"metadata":{"labels":{"merged":"yes"}}}`,
        'deployment.apps/backend patched (no change)\n',
      );
      await prints(
        `${patch} --type=json -p [{"op":"test","path":"/metadata/labels/merged","value":"yes"},{"op":"remove","path":"/metadata/labels/merged"}]`,
        'deployment.apps/backend patched\n',
      );
      await fails(
        `${patch} --type=json -p [{"op":"remove","path":"/metadata/labels/merged"}]`,
        /the request is invalid|the server rejected our request/i,
      );
      await prints(
        `${patch} --subresource=scale --type=merge -p {"spec":{"replicas":3}}`,
        /backend patched\n$/,
      );
      await prints('get deploy backend -n shop -o jsonpath={.spec.replicas}', '3');
    });

    test('scaling, rollouts and waits tell how far they are', async () => {
      await prints(
        'rollout status deploy/backend -n shop --timeout=20s',
        /deployment "backend" successfully rolled out\n$/,
      );
      await prints('scale deploy/backend -n shop --replicas=1', 'deployment.apps/backend scaled\n');
      await prints(
        'scale deploy/backend -n shop --current-replicas=1 --replicas=2',
        'deployment.apps/backend scaled\n',
      );
      await fails(
        'scale deploy/backend -n shop --current-replicas=9 --replicas=2',
        /Expected replicas to be 9, was 2/,
      );
      await prints('rollout restart deploy/backend -n shop', 'deployment.apps/backend restarted\n');
      await prints(
        'rollout status deploy/backend -n shop --timeout=20s',
        /successfully rolled out\n$/,
      );
      await prints(
        'rollout history deploy/backend -n shop',
        /^deployment.apps\/backend \nREVISION +CHANGE-CAUSE\n1 +<none>\n2 +<none>\n3 +<none>\n/,
      );
      await prints('rollout undo deploy/backend -n shop', 'deployment.apps/backend rolled back\n');
      await prints(
        'wait deploy/backend -n shop --for=condition=Available --timeout=10s',
        'deployment.apps/backend condition met\n',
      );
      await fails(
        'wait deploy/backend -n shop --for=jsonpath={.spec.replicas}=7 --timeout=1s',
        /timed out waiting for the condition/,
      );
    });

    test('deletions cascade as they are told, and are waited for', async () => {
      await prints(
        'delete deploy backend -n shop --cascade=orphan',
        /^deployment.apps "backend" deleted( from shop namespace)?\n$/,
      );
      await prints('get rs -n shop -o name', /replicaset.apps\/backend-/);
      await prints('get pods -n shop -o name', /pod\/backend-/);
      await prints(
        'delete rs -n shop --all --cascade=foreground --timeout=20s',
        /replicaset.apps "backend-\w+" deleted/,
      );
      await prints('get pods -n shop', /^$/);
      await prints('create cm waited', 'configmap/waited created\n');
      const waiting = kubectl('wait cm/waited --for=delete --timeout=10s');
      await prints('delete cm waited --wait=false', /^configmap "waited" deleted/);
      assert.deepEqual(
        await waiting.then(({ code, out }) => [code, out === '' || /condition met/.test(out)]),
        [0, true],
      );
      await prints('delete cm --ignore-not-found waited', '');
      await fails(
        'delete cm waited',
        /Error from server \(NotFound\): configmaps "waited" not found/,
      );
      await prints('delete cm -l none=such', 'No resources found\n');
    });

    test('rights are told, for oneself and for others', async () => {
      await prints('auth can-i create deployments.apps', 'yes\n');
      await fails('auth can-i get pods --as=nobody', /^no/);
      await prints(
        'auth can-i --list --as=nobody',
        /selfsubjectreviews.authentication.k8s.io +\[\] +\[\] +\[create\]/,
      );
      await prints(
        'create clusterrole reader --verb=get --resource=pods/log --resource-name=one',
        'clusterrole.rbac.authorization.k8s.io/reader created\n',
      );
      await prints(
        'create clusterrolebinding reader --clusterrole=reader --user=somebody',
        'clusterrolebinding.rbac.authorization.k8s.io/reader created\n',
      );
      await prints('auth can-i get pods/one --subresource=log --as=somebody', 'yes\n');
      await fails('auth can-i get pods/two --subresource=log --as=somebody', /^no/);
      // 1.27 knows only the beta version of the API, which no server of today serves.
      const who = 'auth whoami -o jsonpath={.status.userInfo.username}';
      if (isOldest) await fails(who, /the selfsubjectreviews API is not enabled in the cluster/);
      else await prints(who, 'kubernetes-admin');
      await fails(
        'get secrets --as=somebody',
        /Error from server \(Forbidden\): secrets is forbidden: User "somebody" cannot list resource "secrets" in API group "" in the namespace "default"/,
      );
    });

    test('what is served is listed and explained', async () => {
      await prints(
        'api-resources --api-group=discovery.k8s.io --no-headers',
        'endpointslices         discovery.k8s.io/v1   true   EndpointSlice\n',
      );
      await prints('api-resources --namespaced=false -o name', /^namespaces\nnodes\n/m);
      await prints(
        'api-resources --api-group=apps -o wide',
        /deployments +deploy +apps\/v1 +true +Deployment +create,delete,deletecollection,get,list,patch,update,watch +all/,
      );
      await prints('api-versions', /^apps\/v1\n(.*\n)*v1\n$/m);
      await prints('explain service.spec.ports.port', /FIELD: port <integer>/);
      await prints('explain endpointslice --recursive', / +terminating\t<boolean>/);
      await fails('explain service.spec.nonsense', /field "nonsense" does not exist/);
      await fails('get ingresses', /the server doesn't have a resource type "ingresses"/);
    });

    test('a cordoned or tainted Node takes no pods, and its pods can be drained', async () => {
      await prints('run first --image=x:1', 'pod/first created\n');
      await prints('wait pod/first --for=condition=Ready --timeout=10s', /condition met/);
      await prints('drain west-pods --force --timeout=10s', /node\/west-pods drained\n$/);
      await prints('get nodes west-pods --no-headers', /Ready,SchedulingDisabled/);
      await prints('run second --image=x:1', 'pod/second created\n');
      await prints(
        'wait pod/second --for=condition=PodScheduled=false --timeout=5s',
        'pod/second condition met\n',
      );
      await prints('get pod second --no-headers', /^second +0\/1 +Pending/);
      await prints('taint nodes west-pods a=b:NoSchedule', 'node/west-pods tainted\n');
      await prints('uncordon west-pods', 'node/west-pods uncordoned\n');
      await prints(
        'events --for pod/second',
        /0\/1 nodes are available: 1 node\(s\) had untolerated taint {a: b}\./,
      );
      await prints('taint nodes west-pods a-', 'node/west-pods untainted\n');
      await prints('wait pod/second --for=condition=Ready --timeout=10s', /condition met/);
      await prints('delete pod second --now', /deleted/);
    });

    test('a watch prints rows and events as they come', async () => {
      const rows = kubectl(
        'get cm -w --request-timeout=3s -o custom-columns=N:.metadata.name,V:.data.v --field-selector metadata.name=watched',
      );
      const events = kubectl(
        'get cm --watch-only --output-watch-events --request-timeout=3s -o name --field-selector metadata.name=watched',
      );
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      await prints('create cm watched --from-literal=v=1', 'configmap/watched created\n');
      await prints('patch cm watched -p {"data":{"v":"2"}}', 'configmap/watched patched\n');
      await prints('delete cm watched', /deleted/);
      assert.match((await rows).out, /^N +V\nwatched +1\nwatched +2\nwatched +2\n$/);
      assert.match((await events).out, /configmap\/watched/);
    });
  });
}

test('the dispatcher runs the kubectl of the version that the server says it is', {
  skip: SKIP_KUBECTL,
}, async (context) => {
  if (!existsSync(DISPATCHER)) return context.skip('there is no dispatcher');
  for (const [served, client] of [
    ['1.27', /^Client Version: .*v1\.27/m],
    ['1.33', /^Client Version: .*v1\.33/m],
    ['1.36', /^Server Version: .*v1\.36\.0/m],
  ] as const) {
    const world = await startWorld(undefined, served);
    try {
      const { code, out, err } = await world.kubectl(DISPATCHER, ['version']);
      assert.equal(code, 0, err);
      assert.match(out, new RegExp(`Server Version: .*v${served.replace('.', '\\.')}`));
      assert.match(out, client);
    } finally {
      await world.close();
    }
  }
});
