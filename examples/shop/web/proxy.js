// SPDX-License-Identifier: GPL-3.0-or-later
import {NextResponse} from 'next/server';
import {API_URL} from './lib/api';
import {RELEASE} from './lib/release';

// Runs before every answer. API_PROXY=1 stands in for the edge where there is none (compose.override.yaml).
export function proxy(request) {
  const {pathname, search} = request.nextUrl;
  const forward = process.env.API_PROXY === '1' && pathname.startsWith('/api/');
  const response = forward ? NextResponse.rewrite(new URL(pathname + search, API_URL)) : NextResponse.next();
  if (!forward) response.headers.set('x-release', RELEASE);
  return response;
}
