// Around Transom: after `GET /hang/{method}/{name}` the next call of that method hangs whose first parameter names that
// mailbox: for longer than anybody waits.

import Transom, { Mailbox } from "./index.js";

export { Courier, Drift, Mailbox } from "./index.js";

const HANGS_MS = 60_000;

export default {
  fetch(request, ...rest) {
    const [, hang, method, name] = new URL(request.url).pathname.split("/");
    if (hang !== "hang") return Transom.fetch(request, ...rest);
    hangOnce(method, name);
    return new Response();
  },
};

function hangOnce(method, name) {
  const own = Mailbox.prototype[method];
  Mailbox.prototype[method] = function (bytes, ...rest) {
    if (!new TextDecoder().decode(bytes).includes(name)) return own.call(this, bytes, ...rest);
    Mailbox.prototype[method] = own;
    return new Promise((end) => setTimeout(end, HANGS_MS));
  };
}
