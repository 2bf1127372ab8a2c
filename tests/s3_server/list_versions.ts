// ListObjectVersions.
import { type Context, isoTime, showEtag, xmlAnswer } from "./context.ts";
import { page, pageSize, writer } from "./list_page.ts";
import { parameter, type S3Answer } from "./message.ts";
import { type Version, versionsOf } from "./store.ts";

export function listVersions(context: Context): S3Answer {
  const { request, bucket } = context;
  const write = writer(context);
  const after = parameter(request, "key-marker") ?? "";
  const { entries, folders, last, truncated } = page(context, after, (key) => {
    const versions = versionsOf(bucket, key);
    return versions.length === 0 ? [] : [{ key, versions }];
  });
  const about = (key: string, { id, at }: Version, latest: boolean) => ({
    Key: write(key),
    VersionId: id,
    IsLatest: latest,
    LastModified: isoTime(at),
  });
  const all = entries.flatMap(({ key, versions }) =>
    versions.toReversed().map((version, i) => ({ key, version, latest: i === 0 }))
  );
  return xmlAnswer(context, "ListVersionsResult", {
    Name: bucket.name,
    Prefix: write(parameter(request, "prefix") ?? ""),
    KeyMarker: write(after),
    VersionIdMarker: "",
    NextKeyMarker: truncated ? write(last) : undefined,
    NextVersionIdMarker: truncated ? "" : undefined,
    Delimiter: parameter(request, "delimiter"),
    MaxKeys: pageSize(context),
    EncodingType: parameter(request, "encoding-type"),
    IsTruncated: truncated,
    Version: all.flatMap(({ key, version, latest }) =>
      version.object
        ? [{
          ...about(key, version, latest),
          ETag: showEtag(context, version.object.etag),
          Size: version.object.content.size,
          StorageClass: "STANDARD",
        }]
        : []
    ),
    DeleteMarker: all.flatMap(({ key, version, latest }) =>
      version.object ? [] : [about(key, version, latest)]
    ),
    CommonPrefixes: folders.map((folder) => ({ Prefix: write(folder) })),
  });
}
