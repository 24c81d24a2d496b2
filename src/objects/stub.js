// The stub of an object, by the name of its binding and its own name: one call out of WASM.
export function stub(env, binding, name) {
  const namespace = env[binding];
  if (namespace === undefined) throw new Error(`wrangler.toml has no binding ${binding}`);
  return namespace.getByName(name);
}
