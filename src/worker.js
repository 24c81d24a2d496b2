// What Cloudflare calls; all else is in WASM. worker-build would give it a class, and a `Proxy` around each object of it:
// a tenth of what refusing a request costs. Those that it gives to the objects' classes stay, since they have a state.

import Entrypoint, { Courier, Drift, Mailbox } from "worker-build";
import { receive } from "./edge/receive.js";

export { Courier, Drift, Mailbox };

const { fetch, webhooks } = Entrypoint.prototype;

// The URL that was last posted to, and how webhooks are taken there, if they are: it stays so for as long as an isolate
// lives.
let url, taking;

export default {
  fetch(request, env, ctx) {
    if (request.method === "POST") {
      if (request.url !== url) [url, taking] = [request.url, webhooks(request.url, env)];
      if (taking) return receive(request, taking, env, ctx);
    }
    return fetch.call({ env, ctx }, request);
  },
};
