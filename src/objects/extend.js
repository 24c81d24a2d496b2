// The platform lets a stub call the methods of a class that extends its own, and those that wasm-bindgen writes extend
// nothing. A call of a method costs about half of a request, which has a URL, headers and a stream.

import { DurableObject } from "cloudflare:workers";
import { Mailbox } from "../../../../index.js";

export function extendMailbox() {
  Object.setPrototypeOf(Mailbox, DurableObject);
  Object.setPrototypeOf(Mailbox.prototype, DurableObject.prototype);
}
