/** Names, addresses and ids. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatId, parseId } from '#core/id.ts';
import { clusterOfServerName, isLabelName, linkServerName, mirrorName } from '#core/names.ts';
import { formatAddress, parseAddress } from '#core/network.ts';

test('a mirror name stays a label however long the Service is, and differs where its parts differ', () => {
  assert.equal(mirrorName('backend', 'east'), 'backend-east');
  const long = 'a'.repeat(63);
  assert.ok(isLabelName(mirrorName(long, 'east')));
  assert.notEqual(mirrorName(long, 'east'), mirrorName(long, 'west'));
  assert.equal(mirrorName(long, 'east'), mirrorName(long, 'east'));
});

test('a link server name names its cluster, and nothing else does', () => {
  assert.equal(clusterOfServerName(linkServerName('east')), 'east');
  assert.equal(clusterOfServerName('east.link.isthmus.evil.example'), undefined);
  assert.equal(clusterOfServerName('a.b.link.isthmus'), undefined);
});

test('addresses survive formatting, IPv6 in brackets', () => {
  for (const host of ['10.0.0.1', 'gateway.example', 'fd00::1']) {
    assert.deepEqual(parseAddress(formatAddress({ host, port: 4143 })), { host, port: 4143 });
  }
  for (const bad of ['', 'x', 'x:0', 'x:70000', 'a:b:1', ':1'])
    assert.equal(parseAddress(bad), undefined);
});

test('ids are taken only in exactly our form', () => {
  const id = { trustDomain: 'west.isthmus.local', namespace: 'shop', serviceAccount: 'web' };
  assert.deepEqual(parseId(formatId(id)), id);
  for (const bad of [
    'spiffe://west.isthmus.local/ns/shop/sa/web/',
    'spiffe://west.isthmus.local/ns/shop/sa/',
    'spiffe://West/ns/shop/sa/web',
    'spiffe://west:1/ns/shop/sa/web',
    'https://west/ns/shop/sa/web',
    'spiffe://west/ns/../sa/web',
  ]) {
    assert.equal(parseId(bad), undefined, bad);
  }
});
