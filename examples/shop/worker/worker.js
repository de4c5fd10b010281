// SPDX-License-Identifier: GPL-3.0-or-later
// Packs orders: takes jobs from the api, works on them for a moment, reports them as done.

import {utimesSync, writeFileSync} from 'node:fs';

const API_URL = process.env.API_URL || 'http://api:4000';
const HEARTBEAT = process.env.HEARTBEAT_FILE || '/tmp/worker.alive';
const LIMIT = 50;
const IDLE_MS = 500;
const PACKING_MS = 500;

let stopping = false;
let wake = () => {};

const sleep = (ms) => new Promise((resolve) => {
  const timer = setTimeout(resolve, ms);
  wake = () => { clearTimeout(timer); resolve(); };
});

async function post(path, body) {
  const response = await fetch(API_URL + path, {
    method: 'POST',
    headers: {'content-type': 'application/json'},
    body: JSON.stringify(body ?? {}),
    signal: AbortSignal.timeout(5000),
  });
  if (!response.ok) throw new Error(`POST ${path}: HTTP ${response.status}`);
  return response.status === 204 ? undefined : response.json();
}

async function packOnce() {
  const {jobs} = await post(`/jobs?limit=${LIMIT}`);
  if (jobs.length === 0) return false;
  await sleep(PACKING_MS);
  await post('/jobs/done', {ids: jobs.map(({id}) => id)});
  return true;
}

function stop() {
  if (process.env.EXIT_AT_ONCE === '1') process.exit(0);
  stopping = true;
  wake();
}

process.on('SIGTERM', stop);
process.on('SIGINT', stop);
writeFileSync(HEARTBEAT, '');

let failing = false;
while (!stopping) {
  let worked = false;
  try {
    worked = await packOnce();
    failing = false;
  } catch (error) {
    if (!failing) console.error(JSON.stringify({message: 'the api does not answer', error: error.message}));
    failing = true;
  }
  utimesSync(HEARTBEAT, new Date(), new Date());
  if (!worked && !stopping) await sleep(IDLE_MS);
}
