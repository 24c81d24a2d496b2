// What Cloudflare calls; all else is in WASM. worker-build would export a class, with a `Proxy` around each of its
// objects, which is a tenth of what it costs to refuse a request. The Durable Objects keep theirs, since they have a
// state.

import Entrypoint, { Courier, Drift, Mailbox } from "worker-build";
import { receive } from "./edge/receive.js";

export { Courier, Drift, Mailbox };

const { fetch, lookAfter, outliveTraps, webhooks } = Entrypoint.prototype;

outliveTraps();

// Counts the instances of the WASM, in worker-build's way: a trap loses one.
const wasm = globalThis.__worker_init_state;

// The URL that was last posted to, and the options for `receive`, if webhooks are taken there. They do not change while
// an instance lives.
let url, instance, taking;

export default {
  fetch(request, env, ctx) {
    if (request.method === "POST") {
      if (request.url !== url || wasm.instanceId !== instance) {
        taking = webhooks(request.url, env);
        [url, instance] = [request.url, wasm.instanceId];
      }
      if (taking) return receive(request, taking, env, ctx);
    }
    return fetch.call({ env, ctx }, request);
  },

  // At the times of `triggers.crons` in wrangler.toml.
  scheduled({ scheduledTime }, env) {
    return lookAfter(env, scheduledTime);
  },
};
