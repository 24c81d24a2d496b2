// What Cloudflare calls; all else is in WASM. worker-build would give it a class, and a `Proxy` around each object of it:
// a tenth of what refusing a request costs. Those that it gives to the objects' classes stay, since they have a state.

import Entrypoint, { Courier, Drift, Mailbox } from "worker-build";

export { Courier, Drift, Mailbox };

const { fetch, refusal } = Entrypoint.prototype;

// What `Signature::parse` takes. Whatever this lets by is checked there.
const SIGNATURE = /^sha256=[0-9a-fA-F]{64}$/;

// The URL that was last asked for without a signature, and what is answered there, if nothing else can be: it stays so
// for as long as an isolate lives.
let url, unsigned;

export default {
  fetch(request, env, ctx) {
    if (request.method === "POST" && !SIGNATURE.test(request.headers.get("x-hub-signature-256"))) {
      if (request.url !== url) [url, unsigned] = [request.url, refusal(request.url, env)];
      if (unsigned) return new Response(...unsigned);
    }
    return fetch.call({ env, ctx }, request);
  },
};
