// Services that differ, by name. Those of rgw16, swift, versitygw and minio were measured, the others follow their documents.
import { aws, change, type Changes, type Switches } from "./switches.ts";

const changes = {
  aws: {},
  /** Ceph radosgw 16.2. */
  rgw16: {
    name: "rgw16",
    ifMatchForm: "unquoted",
    missingIfMatch: 412,
    conditions: {
      completeCreate: "ignored",
      completeReplace: "ignored",
      delete: "ignored",
      perKey: "ignored",
      copySource: "ignored",
      copyTarget: "ignored",
    },
    lostRace: "mixed",
    complete: { etag: "empty" },
    deleteObjects: { needs: "none", checked: false },
    checksum: "ignored",
    list: { encoding: "rgw" },
    region: { check: "any" },
    auth: { unsigned: "accepted" },
  },
  /** Ceph radosgw 20: checksums, and conditions on more requests. */
  rgw20: {
    name: "rgw20",
    missingIfMatch: 412,
    lostRace: 412,
    region: { check: "any" },
    auth: { unsigned: "accepted" },
  },
  /** Swift with s3api: no conditional writes at all. */
  swift: {
    name: "swift",
    conditions: {
      create: 501,
      replace: 501,
      completeReplace: 412,
      perKey: "MalformedXML",
      copyTarget: 501,
    },
    deleteObjects: { needs: "md5" },
    checksum: "ignored",
    payloadHash: "BadDigest",
    chunked: 501,
    missingDelete: 204,
    list: { encoding: "swift" },
    region: { told: false },
    auth: {
      keys: [{ accessKey: "test:tester", secretKey: "testing" }],
      unknown: "SignatureDoesNotMatch",
      unsigned: "accepted",
    },
  },
  /** Versity's gateway above a file system. */
  versitygw: {
    name: "VERSITYGW",
    missingDelete: 204,
    lostRace: 412,
    conditions: { perKey: "ignored", copyTarget: "ignored" },
    list: { encoding: "ignored" },
    region: { told: false },
    auth: { unknown: "XAdminUserNotFound" },
  },
  minio: {
    name: "MinIO",
    lostRace: 412,
    conditions: { delete: "ignored", perKey: "ignored", copyTarget: "ignored" },
    complete: { again: 404 },
    deleteObjects: { checked: false },
    region: { check: "any" },
    auth: { unsigned: "accepted" },
    clock: { expiry: "by key" },
  },
  /** Cloudflare R2. */
  r2: {
    name: "R2",
    region: { name: "auto", check: "any" },
    missingIfMatch: 412,
    lostRace: 412,
    conditions: { delete: "ignored", perKey: "ignored" },
    parts: { equal: true },
    rate: { gap: 1000, status: 429 },
    style: "path",
  },
  /** DigitalOcean Spaces. */
  spaces: {
    name: "spaces",
    ifMatchForm: "unquoted",
    missingIfMatch: 412,
    conditions: {
      completeCreate: "ignored",
      completeReplace: "ignored",
      delete: "ignored",
      perKey: "ignored",
      copyTarget: "ignored",
    },
    lostRace: 412,
    checksum: "ignored",
    region: { check: "any" },
  },
  rustfs: {
    name: "RustFS",
    ifMatchForm: "quoted",
    lostRace: 412,
    conditions: { delete: "ignored", perKey: "ignored" },
  },
  /** Garage: writes are never conditional. */
  garage: {
    name: "Garage",
    conditions: {
      create: "ignored",
      replace: "ignored",
      completeCreate: "ignored",
      completeReplace: "ignored",
      delete: "ignored",
      perKey: "ignored",
      copyTarget: "ignored",
    },
    region: { name: "garage", check: 400 },
    versioning: "off",
  },
  /** Backblaze B2: refuses what it does not know, keeps every version. */
  b2: {
    name: "B2",
    conditions: {
      create: 501,
      replace: 501,
      completeCreate: 501,
      completeReplace: 501,
      delete: 501,
      perKey: "MalformedXML",
      copyTarget: 501,
    },
    checksum: 400,
    chunked: 501,
    versioning: "on",
  },
  /** Google Cloud Storage by its XML interface: other headers for conditions, no batch of deletes with checksums. */
  gcs: {
    name: "UploadServer",
    conditions: {
      create: "ignored",
      replace: "ignored",
      completeCreate: "ignored",
      completeReplace: "ignored",
      delete: "ignored",
      perKey: "ignored",
      copyTarget: "ignored",
    },
    checksum: "ignored",
    chunked: 501,
    deleteObjects: { needs: "md5" },
    rate: { gap: 1000, status: 429 },
    region: { name: "auto", check: "any" },
  },
  /** Says yes to every condition and looks at none. */
  lies: {
    name: "lies",
    conditions: {
      create: "ignored",
      replace: "ignored",
      completeCreate: "ignored",
      completeReplace: "ignored",
      delete: "ignored",
      perKey: "ignored",
      copySource: "ignored",
      copyTarget: "ignored",
    },
  },
  /** Checks, waits, writes: now and then two writers win. */
  racy: { name: "racy", check: 20 },
} as const satisfies Record<string, Changes>;

/** The name of a set of switches. */
export type Personality = keyof typeof changes;

/** All names. */
export const PERSONALITIES = Object.keys(changes) as readonly Personality[];

/** The switches of a personality, and some more. */
export function personality(name: Personality, more: Changes = {}): Switches {
  return change(change(aws, changes[name]), more);
}
