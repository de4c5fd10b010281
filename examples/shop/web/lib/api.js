// SPDX-License-Identifier: GPL-3.0-or-later
export const API_URL = process.env.API_URL || 'http://api:4000';

const TIMEOUT_MS = 1000;
const ATTEMPTS = 2;

/** GET a path of the api as JSON: one second per attempt, one retry; undefined when both failed. */
export async function fromApi(path, headers = {}) {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    try {
      const response = await fetch(API_URL + path, {headers, cache: 'no-store', signal: AbortSignal.timeout(TIMEOUT_MS)});
      if (response.ok) return await response.json();
      console.error(`api ${path}, attempt ${attempt}: HTTP ${response.status}`);
    } catch (error) {
      console.error(`api ${path}, attempt ${attempt}: ${error.cause?.code ?? error.message}`);
    }
  }
  return undefined;
}
