// SPDX-License-Identifier: GPL-3.0-or-later
'use client';

import {useEffect, useRef, useState} from 'react';
import {ICONS} from './icons';

const LISTED = 8;
const POLL_MS = 2000;
const RECONNECT_MS = 1000;
const STATUS = {placed: 'Placed', packing: 'Packing', shipped: 'Shipped'};

const price = (cents) => `€ ${(cents / 100).toFixed(2)}`;

/** New facts win; what we know to be our own stays our own. */
function merge(known, news) {
  const byId = new Map(known.map((order) => [order.id, order]));
  for (const order of news) byId.set(order.id, {...order, mine: order.mine ?? byId.get(order.id)?.mine});
  return [...byId.values()].sort((a, b) => b.id - a.id).slice(0, LISTED);
}

/** Orders as they change: by WebSocket, and by polling while there is none. */
function useOrders(initial) {
  const [orders, setOrders] = useState(initial);
  const [live, setLive] = useState(false);
  const add = (news) => setOrders((known) => merge(known, news));

  useEffect(() => {
    let socket;
    let retry;
    let closed = false;
    const connect = () => {
      socket = new WebSocket(`${location.protocol.replace('http', 'ws')}//${location.host}/api/feed`);
      socket.onopen = () => setLive(true);
      socket.onmessage = ({data}) => add(JSON.parse(data).orders);
      socket.onclose = () => {
        setLive(false);
        if (!closed) retry = setTimeout(connect, RECONNECT_MS);
      };
    };
    connect();
    return () => {
      closed = true;
      clearTimeout(retry);
      socket.close();
    };
  }, []);

  useEffect(() => {
    if (live) return undefined;
    const timer = setInterval(async () => {
      const response = await fetch('/api/orders').catch(() => undefined);
      if (response?.ok) add((await response.json()).orders);
    }, POLL_MS);
    return () => clearInterval(timer);
  }, [live]);

  return {orders, live, add};
}

function Product({product, onOrder}) {
  const [busy, setBusy] = useState(false);
  const order = async () => {
    setBusy(true);
    await onOrder(product.id);
    setBusy(false);
  };
  return (
    <li className="product">
      <div className="picture">{ICONS[product.id]}</div>
      <h3>{product.name}</h3>
      <p>{product.detail}</p>
      <div className="buy">
        <strong>{price(product.cents)}</strong>
        <button type="button" onClick={order} disabled={busy}>Order</button>
      </div>
    </li>
  );
}

export default function Shop({products, initialOrders}) {
  const {orders, live, add} = useOrders(initialOrders);
  const [problem, setProblem] = useState();
  const names = useRef(new Map(products.map(({id, name}) => [id, name]))).current;

  const place = async (product) => {
    const response = await fetch('/api/orders', {
      method: 'POST',
      headers: {'content-type': 'application/json'},
      body: JSON.stringify({product, quantity: 1}),
    }).catch(() => undefined);
    setProblem(response?.ok ? undefined : 'That order did not go through. Please try again.');
    if (response?.ok) add([(await response.json()).order]);
  };

  return (
    <div className="floor">
      <section aria-labelledby="goods">
        <h2 id="goods">On the shelf today</h2>
        <ul className="products">
          {products.map((product) => <Product key={product.id} product={product} onOrder={place} />)}
        </ul>
      </section>
      <aside aria-labelledby="orders">
        <h2 id="orders">Order book <span className={live ? 'dot live' : 'dot'}>{live ? 'live' : 'polling'}</span></h2>
        {problem && <p className="problem" role="alert">{problem}</p>}
        {orders.length === 0 && <p className="empty">No orders yet. Yours would be the first of this release.</p>}
        <ol className="orders">
          {orders.map((order) => (
            <li key={order.id} className={order.mine ? 'mine' : undefined}>
              <span className="number">#{order.id}</span>
              <span className="what">{names.get(order.product)}{order.mine && <em>yours</em>}</span>
              <span className={`status ${order.status}`}>{STATUS[order.status]}</span>
            </li>
          ))}
        </ol>
      </aside>
    </div>
  );
}
