// What Cloudflare calls; all else is in WASM. worker-build would give it a class, and a `Proxy` around each object of it:
// a tenth of what refusing a request costs. Those that it gives to the objects' classes stay, since they have a state.

import Entrypoint, { Courier, Drift, Mailbox } from "worker-build";
import { receive } from "./edge/receive.js";

export { Courier, Drift, Mailbox };

const { fetch, outliveTraps, webhooks } = Entrypoint.prototype;

outliveTraps();

// Counts the instances of the WASM, in worker-build's way: a trap loses one.
const wasm = globalThis.__worker_init_state;

// The URL that was last posted to, and how webhooks are taken there, if they are: it stays so for as long as an instance
// lives.
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
};
