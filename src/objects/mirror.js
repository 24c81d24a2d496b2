// Writes to a KV namespace, until `expiration` (unix seconds).
export async function put(namespace, key, value, expiration) {
  await namespace.put(key, value, { expiration });
}
