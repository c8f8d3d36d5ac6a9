/**
 * Real kubectl, oldest and newest, against the embedded API server; every version where `ISTHMUS_KUBECTL` is `all`.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { KUBECTLS, SKIP_KUBECTL, shop, startWorld, type World } from './world.ts';

if (SKIP_KUBECTL && process.env.ISTHMUS_REQUIRE_TOOLS) throw new Error(SKIP_KUBECTL);

const CRD = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.test.dev' },
  spec: {
    group: 'test.dev',
    scope: 'Namespaced',
    names: { plural: 'widgets', kind: 'Widget', shortNames: ['wd'], categories: ['all'] },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        additionalPrinterColumns: [{ name: 'Size', type: 'integer', jsonPath: '.spec.size' }],
        subresources: {
          status: {},
          scale: { specReplicasPath: '.spec.size', statusReplicasPath: '.status.size' },
        },
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                required: ['size'],
                properties: {
                  size: { type: 'integer', minimum: 1, description: 'How big.' },
                  color: { type: 'string', enum: ['red', 'blue'], default: 'red' },
                },
              },
              status: { type: 'object', properties: { size: { type: 'integer' } } },
            },
          },
        },
      },
    ],
  },
};
const widget = (spec: object) =>
  JSON.stringify({ apiVersion: 'test.dev/v1', kind: 'Widget', metadata: { name: 'one' }, spec });
const list = (items: object[]) => JSON.stringify({ apiVersion: 'v1', kind: 'List', items });

const NONE = [{ binary: 'kubectl', full: true }];
for (const { binary, full } of KUBECTLS.length > 0 ? KUBECTLS : NONE) {
  describe(`with ${binary}`, { skip: SKIP_KUBECTL }, () => {
    let world: World;
    const more = (name: string, run: () => Promise<void>) => {
      if (full) test(name, run);
    };
    before(async () => {
      world = await startWorld();
    });
    after(() => world.close());

    /** Runs kubectl with the words of `line`; the output, which must come with exit code 0. */
    const run = async (line: string, input?: string) => {
      const { code, out, err } = await world.kubectl(binary, line.split(' '), input);
      assert.equal(code, 0, `${line}: ${out}${err}`);
      return out + err;
    };
    const fail = async (line: string, expected: RegExp, input?: string) => {
      const { code, out, err } = await world.kubectl(binary, line.split(' '), input);
      assert.notEqual(code, 0, `${line} should fail: ${out}`);
      assert.match(err, expected);
    };

    test('a Deployment is applied, rolled out, shown, scaled and described', async () => {
      const manifest = list(shop(3));
      assert.match(await run('apply -f -', manifest), /deployment.apps\/backend created/);
      assert.match(await run('rollout status deploy/backend -n shop --timeout=15s'), /success/);
      assert.match(await run('apply -f -', manifest), /deployment.apps\/backend unchanged/);
      const wide = await run('get pods -n shop -o wide');
      assert.match(wide, /NAME +READY +STATUS +RESTARTS +AGE +IP +NODE +NOMINATED NODE/);
      assert.match(wide, /backend-\w+-\w+ +1\/1 +Running +0 .*west-pods/);
      const shown = await run('get deploy backend -n shop');
      assert.match(shown, /NAME +READY +UP-TO-DATE +AVAILABLE +AGE\nbackend +3\/3 +3 +3/);
      assert.match(
        await run('get svc -A'),
        /shop +backend +ClusterIP +127\.\d+\.96\.\d+ +<none> +8080\/TCP/,
      );
      assert.match(await run('get deploy backend -n shop -o yaml'), /maxSurge: 25%/);
      await run('scale deploy backend -n shop --replicas=1');
      await run('rollout status deploy/backend -n shop --timeout=15s');
      await run('wait -n shop deploy/backend --for=jsonpath={.status.replicas}=1 --timeout=10s');
      assert.match(await run('describe deploy backend -n shop'), /ScalingReplicaSet/);
      assert.match(await run('describe svc backend -n shop'), /TargetPort: +http\/TCP/);
      assert.match(
        await run('get all,endpointslices -A'),
        /endpointslice.discovery.k8s.io\/backend-/,
      );
    });

    test('objects are labelled, annotated, patched, diffed, edited by each kind of patch', async () => {
      await run('create configmap c --from-literal=a=1');
      assert.match(await run('label cm c tier=x'), /labeled/);
      assert.match(await run('annotate cm c note=y'), /annotate/);
      await run('patch cm c --type=merge -p {"data":{"b":"2"}}');
      await run('patch cm c --type=json -p [{"op":"remove","path":"/data/a"}]');
      await run('patch cm c --type=strategic -p {"data":{"c":"3"}}');
      assert.equal(await run('get cm -l tier=x -o jsonpath={.items[*].data}'), '{"b":"2","c":"3"}');
      const changed = {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'c' },
        data: { b: '9' },
      };
      const { code, out } = await world.kubectl(
        binary,
        ['diff', '-f', '-'],
        JSON.stringify(changed),
      );
      assert.equal(code, 1);
      assert.match(out, /\+ +b: "9"/);
      await run('delete cm c');
      await fail('get cm c', /configmaps "c" not found/);
    });

    test('server-side apply reports conflicts and takes over by force', async () => {
      const config = (value: string) =>
        JSON.stringify({
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: { name: 'owned' },
          data: { key: value },
        });
      await run('apply --server-side --field-manager=one -f -', config('1'));
      await fail(
        'apply --server-side --field-manager=two -f -',
        /Apply failed with 1 conflict: conflict with "one": \.data\.key/,
        config('2'),
      );
      await run('apply --server-side --field-manager=two --force-conflicts -f -', config('2'));
      assert.equal(await run('get cm owned -o jsonpath={.data.key}'), '2');
      assert.match(await run('get cm owned -o yaml --show-managed-fields'), /manager: two/);
    });

    more('unknown fields and invalid values are refused with their path', async () => {
      const bad = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'bad' }, dta: {} };
      await fail('apply -f -', /unknown field "dta"/, JSON.stringify(bad));
      const service = {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'bad' },
        spec: { ports: [{ port: 70_000 }] },
      };
      await fail('apply -f -', /spec\.ports\[0\]\.port/, JSON.stringify(service));
    });

    test('custom resources have columns, short names, defaults, validation and scale', async () => {
      await run('apply -f -', JSON.stringify(CRD));
      await run('wait --for=condition=Established crd/widgets.test.dev --timeout=5s');
      await run('apply -f -', widget({ size: 2 }));
      assert.match(await run('get wd'), /NAME +SIZE\none +2/);
      assert.match(await run('get all'), /widget.test.dev\/one/);
      assert.equal(await run('get wd one -o jsonpath={.spec.color}'), 'red');
      await run('scale wd/one --replicas=5');
      assert.equal(await run('get wd one -o jsonpath={.spec.size}'), '5');
      await fail(
        'apply -f -',
        /spec\.size in body should be greater than or equal to 1/,
        widget({ size: 0 }),
      );
      await fail(
        'apply -f -',
        /supported values: "red", "blue"/,
        widget({ size: 1, color: 'green' }),
      );
      assert.match(await run('explain widget.spec.size'), /How big/);
      assert.match(await run('api-resources'), /widgets +wd +test\.dev\/v1 +true +Widget/);
      await run('delete crd widgets.test.dev');
      await fail('get wd', /doesn't have a resource type|could not find the requested resource/);
    });

    more('rights are told, tokens are made, and a role is enforced', async () => {
      await run('create sa reader');
      await run('create role r --verb=get --verb=list --resource=pods');
      await run('create rolebinding rb --role=r --serviceaccount=default:reader');
      assert.match(await run('auth can-i create pods'), /yes/);
      const token = (await run('create token reader')).trim();
      const as = (line: string) =>
        world.kubectl(binary, [
          '--server',
          world.cluster.url,
          '--insecure-skip-tls-verify',
          '--kubeconfig=/dev/null',
          '--token',
          token,
          ...line.split(' '),
        ]);
      assert.equal((await as('get pods')).code, 0);
      const denied = await as('get secrets');
      assert.match(
        denied.err,
        /secrets is forbidden: User "system:serviceaccount:default:reader" cannot list resource "secrets" in API group "" in the namespace "default"/,
      );
      assert.match((await as('auth can-i delete pods')).out, /no/);
    });

    more(
      'explain, api-resources and version answer; exec, logs and port-forward say what they cannot',
      async () => {
        assert.match(await run('explain deployment.spec.strategy'), /DeploymentStrategy describes/);
        assert.match(await run('api-resources --api-group=apps'), /deployments +deploy +apps\/v1/);
        assert.match(await run('version'), /Server Version/);
        await run('run sleeper --image=x:1');
        await run('wait --for=condition=Ready pod/sleeper --timeout=5s');
        await fail('exec sleeper -- ls', /exec of pods is not served by this embedded cluster/);
        await fail('port-forward sleeper 18080:80', /not served|unable to|error/);
        await fail('logs sleeper', /log of pods is not served by this embedded cluster/);
        await run('delete pod sleeper --grace-period=1');
      },
    );

    more(
      'a StatefulSet has stable names, a budget guards evictions, a watch prints what changes',
      async () => {
        const set = {
          apiVersion: 'apps/v1',
          kind: 'StatefulSet',
          metadata: { name: 'db' },
          spec: {
            serviceName: 'db',
            replicas: 2,
            selector: { matchLabels: { app: 'db' } },
            template: {
              metadata: { labels: { app: 'db' } },
              spec: { containers: [{ name: 'c', image: 'x:1', ports: [{ containerPort: 7000 }] }] },
            },
          },
        };
        const headless = {
          apiVersion: 'v1',
          kind: 'Service',
          metadata: { name: 'db' },
          spec: { clusterIP: 'None', selector: { app: 'db' }, ports: [{ port: 7000 }] },
        };
        await run('apply -f -', list([set, headless]));
        await run('rollout status sts/db --timeout=15s');
        assert.match(await run('get pods -l app=db'), /db-0 .*\ndb-1 /);
        const hosts = 'jsonpath={.items[*].endpoints[*].hostname}';
        assert.equal(
          await run(`get endpointslices -l kubernetes.io/service-name=db -o ${hosts}`),
          'db-0 db-1',
        );
        assert.match(await run('get endpoints db'), /127\.\d+\.16\.\d+:7000,127/);
        await run('create pdb db --selector=app=db --min-available=2');
        await run('wait pdb/db --for=jsonpath={.status.currentHealthy}=2 --timeout=5s');
        const evicted = await world.call('POST', '/api/v1/namespaces/default/pods/db-0/eviction', {
          metadata: { name: 'db-0' },
        });
        assert.equal(evicted.status, 429);
        assert.match(evicted.text, /violate the pod's disruption budget/);
        const watched = world.kubectl(
          binary,
          'get pods -l app=db -w --request-timeout=2s'.split(' '),
        );
        await run('scale sts db --replicas=1');
        assert.match((await watched).out, /db-1 +1\/1 +Terminating/);
        await run('delete sts,svc,pdb db');
      },
    );

    more('a namespace goes with everything in it', async () => {
      await run('create ns gone');
      await run('create configmap c -n gone --from-literal=a=1');
      await run('delete ns gone --timeout=10s');
      await fail('get ns gone', /namespaces "gone" not found/);
    });
  });
}
