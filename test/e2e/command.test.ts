/**
 * The command as people and scripts run it: exit codes, documents, messages. Clusters are real.
 */
import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parse, stringify } from 'yaml';
import { packageRoot } from '#runtime/package.ts';
import { isthmus, scratch } from './isthmus.ts';
import { type Stage, setStage } from './stage.ts';

const DRILL = join(packageRoot(), 'manifests/drills/local-outage.yaml');

describe('without clusters', () => {
  let cwd: string;
  before(() => {
    cwd = scratch();
  });
  after(() => rmSync(cwd, { recursive: true, force: true }));

  test('--help, --version and help of every command print and exit 0', async () => {
    assert.match((await isthmus(['--version'], cwd)).out, /^\d+\.\d+\.\d+\n$/);
    const { code, out } = await isthmus(['--help'], cwd);
    assert.equal(code, 0);
    for (const name of ['dev', 'link', 'unlink', 'services', 'explain', 'drill', 'completion']) {
      assert.match(out, new RegExp(`^  ${name}\\b`, 'm'));
      const help = await isthmus([name, '--help'], cwd);
      assert.equal(help.code, 0);
      assert.match(help.out, /Example/);
      assert.ok(
        help.out.split('\n').every((line) => line.length <= 80),
        `${name} --help fits 80 columns`,
      );
    }
  });

  test('a kubeconfig that cannot be read is named', async () => {
    writeFileSync(join(cwd, 'torn.yaml'), 'contexts: [west\n: :');
    writeFileSync(join(cwd, 'text.yaml'), 'west');
    for (const file of ['missing.yaml', 'torn.yaml', 'text.yaml', '.']) {
      const at = join(cwd, file);
      const { code, out } = await isthmus(
        ['services', '--kubeconfig', at, '--output', 'json'],
        cwd,
      );
      assert.equal(code, 2, file);
      const { error } = JSON.parse(out);
      assert.equal(error.code, 'INVALID_CONFIG');
      assert.ok(error.message.includes(at), error.message);
      assert.match(error.next, /--kubeconfig/);
    }
  });

  test('a usage error exits 2 and says what to do, as JSON where JSON was asked for', async () => {
    const unknown = await isthmus(['lnik'], cwd);
    assert.equal(unknown.code, 2);
    assert.match(
      unknown.err,
      /unknown command 'lnik'\n {2}Did you mean isthmus link\? See isthmus --help\./,
    );
    const helped = await isthmus(['help', 'bogus'], cwd);
    assert.equal(helped.code, 2);
    assert.match(helped.err, /unknown command 'bogus'\n {2}See isthmus --help\./);
    const unread = await isthmus(['lnik', '--output', 'json'], cwd);
    assert.equal(JSON.parse(unread.out).error.message, "unknown command 'lnik'");
    const missing = await isthmus(['link', 'west', '--output', 'json'], cwd);
    assert.equal(missing.code, 2);
    assert.equal(JSON.parse(missing.out).error.code, 'USAGE');
    const format = await isthmus(['services', '--output', 'xml'], cwd);
    assert.equal(format.code, 2);
  });

  test('a drill file with unknown fields exits 2 and names them', async () => {
    const file = join(cwd, 'bad.yaml');
    writeFileSync(
      file,
      readFileSync(DRILL, 'utf8').replace('seconds: 8', 'seconds: 8\n      surprise: 1'),
    );
    const { code, out } = await isthmus(['drill', file, '--dev', '--output', 'json'], cwd);
    assert.equal(code, 2);
    const { error } = JSON.parse(out);
    assert.equal(error.code, 'INVALID_FILE');
    assert.equal(error.field, 'spec.steps[0].surprise');
    assert.ok(error.next.length > 0);
  });

  test('a context nobody has exits 2, a cluster that is away exits 3', async () => {
    const none = await isthmus(['link', 'a', 'b'], cwd);
    assert.equal(none.code, 2);
    writeFileSync(
      join(cwd, 'away'),
      `apiVersion: v1
kind: Config
clusters: [{ name: c, cluster: { server: "https://127.0.0.1:1" } }]
users: [{ name: u, user: { token: t } }]
contexts: [{ name: a, context: { cluster: c, user: u } }, { name: b, context: { cluster: c, user: u } }]
`,
    );
    const away = await isthmus(['link', 'a', 'b', '--kubeconfig', 'away', '-o', 'json'], cwd);
    assert.equal(away.code, 3);
    assert.equal(JSON.parse(away.out).error.code, 'CLUSTER_UNREACHABLE');
  });

  test('colours appear on terminals alone, completion is a script', async () => {
    const { out } = await isthmus(['completion', 'bash'], cwd);
    assert.match(out, /complete -F _isthmus isthmus/);
    const { err } = await isthmus(['lnik'], cwd);
    assert.ok(!err.includes('\u001b'));
  });
});

describe('with two unlinked clusters', () => {
  let stage: Stage;
  before(async () => {
    stage = await setStage({ network: 'loopback', link: false });
  });
  after(() => stage?.end());

  const run = (...args: string[]) =>
    isthmus(args, stage.directory, { KUBECONFIG: stage.demo.clusterset.kubeconfig });

  test('link, services and unlink do what they say', async () => {
    const preview = await run('link', 'west', 'east', '--dry-run', '--output', 'json');
    assert.equal(preview.code, 0, preview.err);
    const [forWest] = JSON.parse(preview.out);
    assert.equal(forWest.context, 'west');
    assert.equal(forWest.link.spec.clusterName, 'east');
    const early = await run('unlink', 'west', 'east', '--output', 'json');
    assert.equal(early.code, 1);
    assert.equal(JSON.parse(early.out).error.code, 'NOT_LINKED');
    const linked = await run('link', 'west', 'east', '--output', 'json');
    assert.equal(linked.code, 0, linked.err);
    assert.deepEqual(JSON.parse(linked.out), { linked: ['west', 'east'], connected: true });
    const again = await run('link', 'west', 'east');
    assert.equal(again.code, 0, 'linking twice is linking once');
    const listed = JSON.parse((await run('services', '--output', 'json')).out);
    const mirror = listed.services.find(
      (each: { context: string; name: string }) =>
        each.context === 'west' && each.name === 'backend-east',
    );
    assert.equal(mirror?.kind, 'mirror');
    const explained = await run('explain', 'shop/backend-global', '--context', 'west');
    assert.equal(explained.code, 0, explained.err);
    assert.match(explained.out, /^shop\/backend-global:8080\n.*\n.*local share 100 %/m);
    assert.match(explained.out, /^east +cluster .*ready$/m);
    assert.ok(
      explained.out.split('\n').every((line) => line.length <= 80),
      explained.out,
    );
    const asked = ['explain', 'backend', '-n', 'shop', '--context', 'east', '--output', 'json'];
    const document = JSON.parse((await run(...asked)).out);
    const inward = document.services.find((each: { mirror: string | null }) => !each.mirror);
    assert.equal(inward.name, 'shop/backend');
    assert.ok(inward.local.length > 0);
    const everywhere = JSON.parse((await run('explain', 'shop/backend', '-o', 'json')).out);
    const contexts = everywhere.services.map((each: { context: string }) => each.context);
    assert.deepEqual([...new Set(contexts)], ['west', 'east']);
    const nobody = await run('explain', 'shop/nothing', '--context', 'west', '--output', 'json');
    assert.equal(nobody.code, 2);
    assert.match(JSON.parse(nobody.out).error.next, /They serve .*shop\/backend-global/);
    const nowhere = await run('explain', 'backend-global', '--context', 'west', '-o', 'json');
    assert.match(JSON.parse(nowhere.out).error.next, /^Did you mean shop\/backend-global\? They/);
    const unlinked = await run('unlink', 'west', 'east');
    assert.equal(unlinked.code, 0, unlinked.err);
    assert.match((await run('services')).out, /backend +export/);
  });

  test('a cluster that is away hides no other', async () => {
    const { kubeconfig } = stage.demo.clusterset;
    const away = join(stage.directory, 'away');
    const document = parse(readFileSync(kubeconfig, 'utf8'));
    document.clusters.push({ name: 'dead', cluster: { server: 'https://127.0.0.1:1' } });
    document.contexts.push({ name: 'dead', context: { cluster: 'dead', user: 'west' } });
    writeFileSync(away, stringify(document));
    const listed = await run('services', '--kubeconfig', away);
    assert.equal(listed.code, 1);
    assert.match(listed.out, /^west +shop\/backend +export/m);
    assert.match(listed.err, /^warning: context dead: .*ECONNREFUSED/s);
    const unlinked = await run('unlink', 'dead', 'west', '--kubeconfig', away, '-o', 'json');
    assert.equal(unlinked.code, 3);
    assert.match(JSON.parse(unlinked.out).error.next, /kubectl --context west .* delete link/);
  });

  test('unlinking a cluster from itself is refused', async () => {
    const { code, out } = await run('unlink', 'west', 'west', '--output', 'json');
    assert.equal(code, 1);
    const { error } = JSON.parse(out);
    assert.equal(error.code, 'CLUSTER_NAME_CONFLICT');
    assert.match(error.next, /two clusters that are linked/);
  });

  test('clusters of one name are refused', async () => {
    const { code, out } = await run('link', 'west', 'west', '--output', 'json');
    assert.equal(code, 1);
    assert.equal(JSON.parse(out).error.code, 'CLUSTER_NAME_CONFLICT');
  });
});
