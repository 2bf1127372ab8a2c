// What signatures promise in every kind of store.
import { inBucket } from "./layouts.ts";

await inBucket("signatures", ["plugins/sign/sign", "plugins/sign/legacy", "plugins/sign/threats"]);
