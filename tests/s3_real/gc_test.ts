// What collections promise in every kind of store, where deletes are bound to deadlines. Suites that need exact deletes, a
// trash or a clock that can be hurried along are asked of other stores.
import { inBucket } from "./layouts.ts";

await inBucket("collections", ["gc/collect", "gc/adoption", "gc/foreign_rewrite"]);
