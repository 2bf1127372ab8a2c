import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { presign, type Scope, signHeaders } from "../../../plugins/s3/signer.ts";

// The worked examples of Amazon's documents on Signature Version 4 for S3, but the one that signs `Range`.
const scope: Scope = {
  credentials: {
    accessKeyId: "AKIAIOSFODNN7EXAMPLE",
    secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
  },
  region: "us-east-1",
  time: Date.UTC(2013, 4, 24),
};
const at = (path: string) => new URL(`https://examplebucket.s3.amazonaws.com/${path}`);

describe("a signer", () => {
  it("signs a GET with a query as Amazon does", async () => {
    const examples = {
      "?lifecycle": "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
      "?max-keys=2&prefix=J": "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
    };
    for (const [query, signature] of Object.entries(examples)) {
      const { headers } = await signHeaders({ method: "GET", url: at(query) }, scope);
      assert.ok(headers["authorization"]?.endsWith(`Signature=${signature}`), query);
    }
  });

  it("signs a PUT with its payload as Amazon does", async () => {
    const { headers } = await signHeaders(
      {
        method: "PUT",
        url: at("test%24file.text"),
        headers: {
          "date": "Fri, 24 May 2013 00:00:00 GMT",
          "x-amz-storage-class": "REDUCED_REDUNDANCY",
        },
      },
      scope,
      "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
    );
    assert.equal(
      headers["authorization"],
      "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, " +
        "SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class, " +
        "Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    );
  });

  it("presigns as Amazon does, for as long as it is told", async () => {
    const { url } = await presign({ method: "GET", url: at("test.txt") }, scope, 86_400);
    assert.equal(
      url.searchParams.get("X-Amz-Signature"),
      "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
    );
    assert.equal(url.searchParams.get("X-Amz-Expires"), "86400");
  });
});
