// What wasm-bindgen writes and the platform would have otherwise.

import { DurableObject } from "cloudflare:workers";
import { Courier, Mailbox } from "../../../../index.js";
import { carry } from "./post.js";

// wasm-bindgen has futures polled by `queueMicrotask`. The platform's makes a function in C++ of what it is given, each
// time; a promise that is kept already does the same at a fraction of that.
globalThis.queueMicrotask = (task) => {
  Promise.resolve().then(task);
};

// The platform lets a stub call the methods of a class that extends its own, and those that wasm-bindgen writes extend
// nothing. A call of a method costs about half of a request, which has a URL, headers and a stream.
export function extendObjects() {
  for (const own of [Courier, Mailbox]) {
    Object.setPrototypeOf(own, DurableObject);
    Object.setPrototypeOf(own.prototype, DurableObject.prototype);
  }
  Courier.prototype.carry = carry;
}
