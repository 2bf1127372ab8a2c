// Buckets themselves.
import { type Context, isoTime, xmlAnswer } from "./context.ts";
import { empty, type S3Answer, text } from "./message.ts";
import { Problem, problems } from "./problem.ts";
import { createBucket, currentObject, sortedKeys, versionsOf } from "./store.ts";
import { readXml, textOf } from "./xml.ts";

const OWNER = {
  ID: "75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a",
  DisplayName: "owner",
};

export function listBuckets(context: Context): S3Answer {
  const Bucket = [...context.store.buckets.values()].map(({ name, created }) => ({
    Name: name,
    CreationDate: isoTime(created),
  }));
  return xmlAnswer(context, "ListAllMyBucketsResult", { Owner: OWNER, Buckets: { Bucket } });
}

export function putBucket({ store, bucketName, switches, now }: Context): S3Answer {
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucketName)) {
    throw new Problem(400, "InvalidBucketName", "The specified bucket is not valid.", {
      BucketName: bucketName,
    });
  }
  if (store.buckets.has(bucketName)) {
    throw new Problem(
      409,
      "BucketAlreadyOwnedByYou",
      "Your previous request to create the named bucket succeeded and you already own it.",
      { BucketName: bucketName },
    );
  }
  createBucket(store, bucketName, now(), switches.versioning);
  return empty(200, { location: `/${bucketName}` });
}

export const headBucket = ({ switches }: Context): S3Answer =>
  empty(200, switches.region.told ? { "x-amz-bucket-region": switches.region.name } : {});

export function deleteBucket({ store, bucket, bucketName }: Context): S3Answer {
  if (
    sortedKeys(bucket).some((key) =>
      versionsOf(bucket, key).length > 0 || currentObject(bucket, key)
    )
  ) {
    throw new Problem(409, "BucketNotEmpty", "The bucket you tried to delete is not empty");
  }
  store.buckets.delete(bucketName);
  return empty(204);
}

export function getLocation(context: Context): S3Answer {
  const { name } = context.switches.region;
  const content = name === "us-east-1" ? "" : name;
  const { namespace } = context.switches.xml;
  const about = namespace ? ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"' : "";
  const xml =
    `<?xml version="1.0" encoding="UTF-8"?>\n<LocationConstraint${about}>${content}</LocationConstraint>`;
  return {
    status: 200,
    headers: { "content-type": "application/xml" },
    body: [new TextEncoder().encode(xml)],
  };
}

const STATES = { off: undefined, on: "Enabled", suspended: "Suspended" };

export const getVersioning = (context: Context): S3Answer =>
  xmlAnswer(context, "VersioningConfiguration", { Status: STATES[context.bucket.versioning] });

export function putVersioning({ bucket, request }: Context): S3Answer {
  const xml = readXml(text(request.body));
  const status = xml && textOf(xml, "Status");
  if (status !== "Enabled" && status !== "Suspended") throw problems.malformedXml();
  bucket.versioning = status === "Enabled" ? "on" : "suspended";
  return empty(200);
}
