// SPDX-License-Identifier: GPL-3.0-or-later
// A customer is a random id in a cookie, signed so that nobody can take another one's.

import {createHmac, randomUUID, timingSafeEqual} from 'node:crypto';

const sign = (id, key) => createHmac('sha256', key).update(id).digest('base64url');

export function customerOf(cookieHeader, key) {
  const cookie = (cookieHeader ?? '').split(/;\s*/).find((part) => part.startsWith('session='));
  const [id, signature] = (cookie ?? '').slice('session='.length).split('.');
  if (!id || !signature) return undefined;
  const expected = Buffer.from(sign(id, key));
  const given = Buffer.from(signature);
  return expected.length === given.length && timingSafeEqual(expected, given) ? id : undefined;
}

export function newSession(key) {
  const customer = randomUUID();
  return {customer, cookie: `session=${customer}.${sign(customer, key)}; Path=/; HttpOnly; SameSite=Lax; Max-Age=2592000`};
}
