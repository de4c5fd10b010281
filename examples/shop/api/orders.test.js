// SPDX-License-Identifier: GPL-3.0-or-later
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {InvalidOrder, Orders} from './orders.js';
import {customerOf, newSession} from './session.js';

test('an order goes placed → packing → shipped', () => {
  const seen = [];
  const orders = new Orders({changed: (order) => seen.push(order.status)});
  const {id} = orders.place({product: 'rope', quantity: 2}, 'ann');
  assert.deepEqual(orders.take(5), [{id, product: 'rope', quantity: 2}]);
  assert.deepEqual(orders.take(5), []);
  orders.finish([id]);
  assert.deepEqual(seen, ['placed', 'packing', 'shipped']);
});

test('an unfinished job is handed out again when its lease is over', () => {
  let now = 0;
  const orders = new Orders({now: () => now, leaseMs: 1000});
  const {id} = orders.place({product: 'bell'}, 'ann');
  orders.take(1);
  now = 999;
  assert.equal(orders.take(1).length, 0);
  now = 1000;
  assert.equal(orders.take(1)[0].id, id);
});

test('memory is bounded', () => {
  const orders = new Orders({capacity: 3});
  for (let count = 0; count < 10; count++) orders.place({product: 'rope'}, 'ann');
  assert.deepEqual(orders.newest(9).map(({id}) => id), [10, 9, 8]);
  assert.equal(orders.take(20).length, 3);
});

test('what cannot be ordered is refused with the key', () => {
  const orders = new Orders();
  assert.throws(() => orders.place({product: 'whale'}, 'ann'), (error) => error instanceof InvalidOrder && /^product/.test(error.message));
  assert.throws(() => orders.place({product: 'rope', quantity: 0}, 'ann'), /^Error: quantity|quantity/);
});

test('a session cookie counts only with its signature', () => {
  const {customer, cookie} = newSession('key');
  const header = cookie.split(';')[0];
  assert.equal(customerOf(`theme=dark; ${header}`, 'key'), customer);
  assert.equal(customerOf(header, 'other key'), undefined);
  assert.equal(customerOf(header.replace('session=', 'session=x'), 'key'), undefined);
  assert.equal(customerOf(undefined, 'key'), undefined);
});
