// SPDX-License-Identifier: GPL-3.0-or-later
import {hostname} from 'node:os';
import {headers} from 'next/headers';
import {fromApi} from '../lib/api';
import {RELEASE, VERSION} from '../lib/release';
import Shop from './shop';

export const dynamic = 'force-dynamic';

function Logo() {
  return (
    <svg className="logo" viewBox="0 0 48 48" aria-hidden="true">
      <circle cx="24" cy="9" r="4" />
      <path d="M24 13v29M15 20h18M7 29c1 8 8 13 17 13s16-5 17-13M7 29l-3 5M7 29l6 3M41 29l3 5M41 29l-6 3" />
    </svg>
  );
}

export default async function Page() {
  const cookie = (await headers()).get('cookie');
  const shop = await fromApi('/api/orders', cookie ? {cookie} : {});
  return (
    <main data-web-release={RELEASE} data-api-release={shop?.release ?? 'none'}>
      <header className="top">
        <Logo />
        <div>
          <h1>Fathom &amp; Line</h1>
          <p>Ship chandlers since the last release</p>
        </div>
        <span className="version" title="The version of the shop you are looking at">version {VERSION}</span>
      </header>
      {shop
        ? <Shop products={shop.products} initialOrders={shop.orders} />
        : <p className="closed">The counter does not answer just now. Please try again in a moment.</p>}
      <footer>
        <dl>
          <div><dt>Page rendered by</dt><dd>web · release {RELEASE}</dd></div>
          <div><dt>with data from</dt><dd>api · release {shop?.release ?? 'none'}</dd></div>
          <div><dt>in container</dt><dd>{hostname()}</dd></div>
        </dl>
        <p>The example shop of <strong>seaworthy.swarm</strong>. Orders live in memory and end with their release.</p>
      </footer>
    </main>
  );
}
