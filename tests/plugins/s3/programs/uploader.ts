// Writes a blob of noise under a name, or what is missing of it, and names an artifact of it: MEBIBYTES.
import { blobOf, noise } from "../../../contract/suite.ts";
import { openPlace, rest } from "./opened.ts";

const bytes = noise(Number(rest[0]) << 20);
const { digest, size } = blobOf(bytes);
await using layout = await openPlace();
const { resumed } = await layout.writeBlob("upload", bytes, { digest, size });
console.log(`stored, ${resumed} bytes of it before`);
await layout.tag({ mediaType: "application/octet-stream", digest, size }, "v1");
console.log("tagged");
