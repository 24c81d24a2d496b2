// The platform lets a stub call methods only if the class extends its `DurableObject`; the classes of wasm-bindgen
// extend nothing. A call of a method costs about half as much as a request, which has a URL, headers and a stream.

import { DurableObject } from "cloudflare:workers";
import { Courier, Mailbox } from "../../../../index.js";
import { append } from "./gather.js";
import { endThoughLost } from "./lost.js";
import { carry } from "./post.js";

export function extendObjects() {
  for (const own of [Courier, Mailbox]) {
    Object.setPrototypeOf(own, DurableObject);
    Object.setPrototypeOf(own.prototype, DurableObject.prototype);
  }
  Courier.prototype.carry = carry;
  Mailbox.prototype.append = append;
  endThoughLost(Mailbox.prototype);
}
