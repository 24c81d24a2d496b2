// A trap (no memory is left, a stack overflows) loses the instance of the WASM, and all futures and closures in it: what
// waits for one of them waits for ever.
//
// A new instance is made at once. The glue would make it only at its next call, and hand it what it has just put into
// the memory of the old one. worker-build makes each object again in the new instance when that is next called, and
// `worker.js` asks again for the options of the webhook route.

import { __wbg_reset_state as makeAnother, outliveTraps } from "../../../../index.js";

// What is called when the instance is lost.
const waiting = new Set();

// To be called when the instance is lost.
export function beginAnew() {
  makeAnother();
  outliveTraps();
  console.error(JSON.stringify({ event: "wasm.lost" }));
  for (const tell of waiting) tell();
}

// Whether the instance is lost before `promise` resolves.
async function isLostBefore(promise) {
  let tell;
  const lost = new Promise((resolve) => (tell = () => resolve(true)));
  waiting.add(tell);
  try {
    return await Promise.race([lost, promise.then(() => false)]);
  } finally {
    waiting.delete(tell);
  }
}

// The methods that WASM has for a mailbox.
let own;

// Lets the methods of a mailbox end even if the instance is lost: no other alarm goes off while one is at work.
export function endThoughLost(mailbox) {
  own ??= { alarm: mailbox.alarm, fetch: mailbox.fetch };
  mailbox.alarm = alarm;
  mailbox.fetch = fetch;
}

// How often in a row a mailbox's run was lost. Not kept in the mailbox, which is made again.
const losses = new WeakMap();

async function alarm() {
  if (await isLostBefore(own.alarm.call(this))) {
    const times = (losses.get(this) ?? 0) + 1;
    losses.set(this, times);
    // This is now an object of the new instance, and reads what there is to do.
    this.armAgain(times);
  } else {
    losses.delete(this);
  }
}

async function fetch(request) {
  const answer = own.fetch.call(this, request);
  if (await isLostBefore(answer)) throw new Error("the instance was lost");
  return answer;
}
