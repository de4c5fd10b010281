// SPDX-License-Identifier: GPL-3.0-or-later
// The shop's api: public under /api, for the worker under /jobs, for the platform /health and /ready.

import {readFileSync} from 'node:fs';
import {createServer} from 'node:http';
import {WebSocketServer} from 'ws';
import {InvalidOrder, Orders, PRODUCTS} from './orders.js';
import {customerOf, newSession} from './session.js';

const RELEASE = process.env.SEAWORTHY_RELEASE || 'dev';
const PORT = Number(process.env.PORT || 4000);
const SESSION_KEY = readFileSync(process.env.SESSION_KEY_FILE || '/run/secrets/SESSION_KEY', 'utf8').trim();
const LISTED = 8;
const MAX_BODY_BYTES = 16 * 1024;
const REPORT_MS = 2000;
const FEED_MS = 200;

const feed = new WebSocketServer({noServer: true, maxPayload: MAX_BODY_BYTES});
const changed = new Map();
const orders = new Orders({changed: (order) => {
  if (changed.size === 0) setTimeout(publish, FEED_MS);
  changed.set(order.id, order);
}});
let stopping = false;

const shown = ({id, product, quantity, status, placedAt}, isMine) => ({id, product, quantity, status, placedAt, mine: isMine});

// What changed within a moment travels as one message.
function publish() {
  const text = JSON.stringify({release: RELEASE, orders: [...changed.values()].map((order) => shown(order))});
  changed.clear();
  for (const client of feed.clients) client.send(text);
}

function send(response, status, body, headers = {}) {
  response.writeHead(status, {'content-type': 'application/json', 'cache-control': 'no-store', 'x-release': RELEASE, ...headers});
  response.end(body === undefined ? undefined : JSON.stringify(body));
}

async function bodyOf(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new InvalidOrder(`body: expected at most ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString() || '{}');
  } catch {
    throw new InvalidOrder('body: expected JSON');
  }
}

function listOrders({request, response}) {
  const customer = customerOf(request.headers.cookie, SESSION_KEY);
  const list = orders.newest(LISTED).map((order) => shown(order, Boolean(customer) && order.customer === customer));
  send(response, 200, {release: RELEASE, products: PRODUCTS, orders: list});
}

async function placeOrder({request, response}) {
  const body = await bodyOf(request);
  const known = customerOf(request.headers.cookie, SESSION_KEY);
  const {customer, cookie} = known ? {customer: known} : newSession(SESSION_KEY);
  const order = orders.place(body, customer);
  send(response, 201, {release: RELEASE, order: shown(order, true)}, cookie ? {'set-cookie': cookie} : {});
}

function showOrder({response, id}) {
  const order = orders.get(Number(id));
  if (!order) return send(response, 404, {error: `no order ${id}`});
  send(response, 200, {release: RELEASE, order: shown(order)});
}

// Every shop has one slow page: the report of all orders takes two seconds.
async function report({response}) {
  await new Promise((resolve) => setTimeout(resolve, REPORT_MS));
  send(response, 200, {release: RELEASE, newest: orders.newest(1)[0]?.id ?? 0});
}

async function takeJobs({response, url}) {
  send(response, 200, {jobs: orders.take(Number(url.searchParams.get('limit') ?? 1))});
}

async function finishJobs({request, response}) {
  const {ids = []} = await bodyOf(request);
  orders.finish(ids);
  send(response, 204);
}

const ROUTES = [
  ['GET', /^\/health$/, ({response}) => send(response, 200, {alive: true})],
  ['GET', /^\/ready$/, ({response}) => send(response, stopping ? 503 : 200, {ready: !stopping})],
  ['GET', /^\/api\/orders$/, listOrders],
  ['POST', /^\/api\/orders$/, placeOrder],
  ['GET', /^\/api\/orders\/(?<id>\d+)$/, showOrder],
  ['GET', /^\/api\/report$/, report],
  ['POST', /^\/jobs$/, takeJobs],
  ['POST', /^\/jobs\/done$/, finishJobs],
];

async function answer(request, response) {
  const url = new URL(request.url, 'http://api');
  const found = ROUTES.filter(([, path]) => path.test(url.pathname));
  const [, path, handler] = found.find(([method]) => method === request.method) ?? [];
  if (!handler) return send(response, found.length ? 405 : 404, {error: `no ${request.method} ${url.pathname}`});
  try {
    await handler({request, response, url, ...path.exec(url.pathname).groups});
  } catch (error) {
    if (!(error instanceof InvalidOrder)) console.error(error);
    if (!response.headersSent) send(response, error instanceof InvalidOrder ? 400 : 500, {error: error.message});
  }
}

const server = createServer(answer);
// Longer than the edge keeps idle connections (90 s), so that it is never us who close one just as a request comes.
server.keepAliveTimeout = 95_000;

feed.on('headers', (headers) => headers.push(`X-Release: ${RELEASE}`));
server.on('upgrade', (request, socket, head) => {
  if (new URL(request.url, 'http://api').pathname !== '/api/feed') return socket.end('HTTP/1.1 404 Not Found\r\n\r\n');
  feed.handleUpgrade(request, socket, head, (client) => {
    client.on('error', () => client.terminate());
    client.send(JSON.stringify({release: RELEASE, orders: []}));
  });
});

function stop() {
  if (process.env.EXIT_AT_ONCE === '1') process.exit(0);
  stopping = true;
  server.close(() => process.exit(0));
  server.closeIdleConnections();
  for (const client of feed.clients) client.close(1001, 'going away');
}

process.on('SIGTERM', stop);
process.on('SIGINT', stop);
server.listen(PORT, () => console.log(JSON.stringify({message: 'api listens', port: PORT, release: RELEASE})));
