// SPDX-License-Identifier: GPL-3.0-or-later
// The shop's goods and orders. Everything lives in memory: a restart loses the orders.

export const PRODUCTS = [
  {id: 'rope', name: 'Mooring rope', detail: 'Three strands, 20 m', cents: 4900},
  {id: 'lantern', name: 'Deck lantern', detail: 'Brass, storm proof', cents: 8900},
  {id: 'compass', name: 'Hand compass', detail: 'Oil damped, luminous', cents: 12900},
  {id: 'anchor', name: 'Folding anchor', detail: 'Galvanised, 6 kg', cents: 7400},
  {id: 'bell', name: "Ship's bell", detail: 'Cast bronze, 18 cm', cents: 15900},
  {id: 'buoy', name: 'Ring buoy', detail: 'With 30 m of line', cents: 5900},
];

const MAX_QUANTITY = 99;

export class InvalidOrder extends Error {}

// Orders go placed → packing → shipped; a job that its worker never finished is handed out again.
export class Orders {
  #orders = new Map();
  #waiting = [];
  #packing = new Map();
  #next = 1;

  constructor({now = Date.now, capacity = 10_000, leaseMs = 30_000, changed = () => {}} = {}) {
    this.now = now;
    this.capacity = capacity;
    this.leaseMs = leaseMs;
    this.changed = changed;
  }

  place({product, quantity = 1}, customer) {
    if (!PRODUCTS.some(({id}) => id === product)) {
      throw new InvalidOrder(`product: found ${JSON.stringify(product)}, expected the id of a product`);
    }
    if (!Number.isInteger(quantity) || quantity < 1 || quantity > MAX_QUANTITY) {
      throw new InvalidOrder(`quantity: found ${JSON.stringify(quantity)}, expected a whole number from 1 to ${MAX_QUANTITY}`);
    }
    const order = {id: this.#next++, product, quantity, status: 'placed', placedAt: this.now(), customer};
    this.#orders.set(order.id, order);
    this.#waiting.push(order.id);
    if (this.#orders.size > this.capacity) this.#forgetOldest();
    this.changed(order);
    return order;
  }

  get(id) {
    return this.#orders.get(id);
  }

  newest(count) {
    return [...this.#orders.values()].slice(-count).reverse();
  }

  take(limit) {
    for (const [id, until] of this.#packing) {
      if (until > this.now()) break;
      this.#packing.delete(id);
      this.#waiting.unshift(id);
    }
    const jobs = [];
    for (const id of this.#waiting.splice(0, limit)) {
      const order = this.#orders.get(id);
      if (!order) continue;
      this.#packing.set(id, this.now() + this.leaseMs);
      this.#move(order, 'packing');
      jobs.push({id, product: order.product, quantity: order.quantity});
    }
    return jobs;
  }

  finish(ids) {
    for (const id of ids) {
      const order = this.#orders.get(id);
      if (order && this.#packing.delete(id)) this.#move(order, 'shipped');
    }
  }

  #move(order, status) {
    if (order.status === status) return;
    order.status = status;
    this.changed(order);
  }

  #forgetOldest() {
    const [oldest] = this.#orders.keys();
    this.#orders.delete(oldest);
    this.#packing.delete(oldest);
  }
}
